%% SPDX-License-Identifier: Apache-2.0
%%
%% What the exchange types read from a message, and in whose name it comes. Everything here that
%% knows how a message looks inside the broker is RabbitMQ 3.x; later series have containers.

-module(notifier_delayed_message).

-include_lib("rabbit_common/include/rabbit.hrl").
-include_lib("rabbit_common/include/rabbit_framing.hrl").

-export([delay/1, expires/1, last_death/1, is_cycle/2, from_client/0]).

-export_type([delay/0]).

%% The longest time that a queue's TTL and the runtime's timers can express.
-define(MAX_DELAY_MS, 16#FFFFFFFF).
%% A decimal string longer than this is no number that anybody meant.
-define(MAX_DIGITS, 32).

-type delay() :: now | {ms, pos_integer()} | too_long.

-spec delay(rabbit_types:delivery()) -> delay().
delay(Delivery) ->
    case rabbit_misc:table_lookup(headers(Delivery), <<"x-delay">>) of
        {longstr, Text} -> of_integer(decimal(Text));
        {Type, N} when is_integer(N), Type =/= timestamp -> of_integer(N);
        _ -> now
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

-spec expires(rabbit_types:delivery()) -> boolean().
expires(Delivery) ->
    #'P_basic'{expiration = Expiration} = properties(Delivery),
    Expiration =/= undefined.

%% The queue that dead-lettered the message last.
-spec last_death(rabbit_types:delivery()) -> binary() | undefined.
last_death(Delivery) ->
    case deaths(Delivery) of
        [Death | _] -> queue_of(Death);
        [] -> undefined
    end.

%% Whether dead-lettering the message into Queue is what the broker drops as a cycle: it was
%% there before and no client has rejected it since.
%% Source: rabbit_dead_letter:detect_cycles/3 of 3.10.8.
-spec is_cycle(binary(), rabbit_types:delivery()) -> boolean().
is_cycle(Queue, Delivery) ->
    case lists:splitwith(fun(Death) -> queue_of(Death) =/= Queue end, deaths(Delivery)) of
        {_, []} -> false;
        {Since, [There | _]} -> not lists:any(fun was_rejected/1, [There | Since])
    end.

%% True in a channel, where an error is an answer to somebody; everywhere else (queues and their
%% dead-letter workers) it would take down a process that others depend on.
-spec from_client() -> boolean().
from_client() ->
    case get(process_name) of
        {rabbit_channel, _} -> true;
        _ -> false
    end.

headers(Delivery) ->
    case properties(Delivery) of
        #'P_basic'{headers = undefined} -> [];
        #'P_basic'{headers = Headers} -> Headers
    end.

properties(#delivery{message = #basic_message{content = Content}}) ->
    #content{properties = Properties} = rabbit_binary_parser:ensure_content_decoded(Content),
    Properties.

deaths(Delivery) ->
    case rabbit_misc:table_lookup(headers(Delivery), <<"x-death">>) of
        {array, Deaths} -> [Death || {table, Death} <- Deaths];
        _ -> []
    end.

queue_of(Death) ->
    case rabbit_misc:table_lookup(Death, <<"queue">>) of
        {longstr, Queue} -> Queue;
        _ -> undefined
    end.

was_rejected(Death) ->
    rabbit_misc:table_lookup(Death, <<"reason">>) =:= {longstr, <<"rejected">>}.
