%% SPDX-License-Identifier: Apache-2.0
%%
%% Keeps dead-lettering back until the broker has recovered and the plugin is up.
%%
%% A quorum queue leads, and starts to dead-letter what fell due during the downtime, a moment
%% before its dead-letter exchange is back, two before that exchange's bindings are and three before
%% anybody here can make a hold queue. In the first gap a message waits for the confirm timeout, in
%% the second it would be routed by a part of the bindings, in the third some wait for the confirm
%% timeout again. While the supervisor of the dead-letter workers is suspended no worker starts; the
%% queues' servers wait in their start_child call and go on when the gate opens.

-module(notifier_delayed_gate).

-export([close/0, open/0]).

-rabbit_boot_step({notifier_delayed_gate_close,
                   [{description, "dead-lettering waits for recovery"},
                    {mfa, {?MODULE, close, []}},
                    {requires, core_initialized},
                    {enables, recovery}]}).

-spec close() -> ok.
close() ->
    case rabbit_boot_state:has_reached_and_is_active(ready) of
        %% The plugin is being enabled: nothing recovers.
        true -> ok;
        false -> sys:suspend(rabbit_fifo_dlx_sup)
    end.

%% Does nothing if it is open.
-spec open() -> ok.
open() ->
    sys:resume(rabbit_fifo_dlx_sup).
