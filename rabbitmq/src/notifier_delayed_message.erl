%% SPDX-License-Identifier: Apache-2.0
%%
%% What the exchange types want to know of a message, and in whose name it comes.

-module(notifier_delayed_message).

-export([delay/1, from_client/0]).

-export_type([delay/0]).

%% The longest time that a queue's TTL and the runtime's timers can express.
-define(MAX_DELAY_MS, 16#FFFFFFFF).
%% A decimal string longer than this is no number that anybody meant.
-define(MAX_DIGITS, 32).

-type delay() :: now | {ms, pos_integer()} | too_long.

-spec delay(notifier_delayed_broker:message()) -> delay().
delay(Message) ->
    case notifier_delayed_broker:header(<<"x-delay">>, Message) of
        N when is_integer(N) -> of_integer(N);
        Text when is_binary(Text) -> of_integer(decimal(Text));
        undefined -> now
    end.

of_integer(N) when N =< 0 -> now;
of_integer(N) when N > ?MAX_DELAY_MS -> too_long;
of_integer(N) -> {ms, N}.

decimal(Text) when byte_size(Text) =< ?MAX_DIGITS ->
    try binary_to_integer(Text)
    catch error:badarg -> 0
    end;
decimal(_) ->
    0.

%% True in a channel or a session, where an error is an answer to somebody; everywhere else (queues
%% and their dead-letter workers) it would take down a process that others depend on.
-spec from_client() -> boolean().
from_client() ->
    case get(process_name) of
        {rabbit_channel, _} -> true;
        _ -> get('$initial_call') =:= {rabbit_amqp_session, init, 1}
    end.
