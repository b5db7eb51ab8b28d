%% SPDX-License-Identifier: Apache-2.0
%%
%% Keeps dead-lettering back while the broker recovers.
%%
%% A quorum queue leads, and starts to dead-letter what fell due during the downtime, a moment
%% before its dead-letter exchange is back and two before that exchange's bindings are. In the
%% first gap a message waits for the confirm timeout, in the second it would be routed by a part of
%% the bindings. While the supervisor of the dead-letter workers is suspended no worker starts; the
%% queues' servers wait in their start_child call and go on when the gate opens.

-module(notifier_delayed_gate).

-export([close/0, open/0]).

-rabbit_boot_step({notifier_delayed_gate_close,
                   [{description, "dead-lettering waits for recovery"},
                    {mfa, {?MODULE, close, []}},
                    {requires, core_initialized},
                    {enables, recovery}]}).

-rabbit_boot_step({notifier_delayed_gate_open,
                   [{description, "dead-lettering goes on"},
                    {mfa, {?MODULE, open, []}},
                    {requires, recovery},
                    {enables, routing_ready}]}).

-spec close() -> ok.
close() ->
    sys:suspend(rabbit_fifo_dlx_sup).

-spec open() -> ok.
open() ->
    ok = notifier_delayed_routes:restore_stages(),
    sys:resume(rabbit_fifo_dlx_sup).
