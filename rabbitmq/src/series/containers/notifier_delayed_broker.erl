%% SPDX-License-Identifier: Apache-2.0
%%
%% What differs between the series of RabbitMQ. This one: messages are containers that any protocol
%% can fill, and the metadata is kept in Mnesia or in Khepri, as in 4.x.

-module(notifier_delayed_broker).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([header/2, expires/1, last_death/1, is_cycle/2]).
-export([route/4, declare_exchange/6, update_queue/2, sync_metadata/0, in_transaction/0,
         has_at_least_once/0, keeps_stages/0]).
-export([position/1, query/2, has_dead_leader/1, replace_dead_leaders/0, repair_member/1]).

-export_type([message/0]).

-type message() :: mc:state().

%%--------------------------------------------------------------------------------------------
%% Messages.

-spec header(binary(), message()) -> integer() | binary() | undefined.
header(Key, Message) ->
    try mc:x_header(Key, Message) of
        {Type, Text} when Type =:= utf8; Type =:= binary -> Text;
        {Type, N} when is_integer(N), Type =/= timestamp -> N;
        _ -> undefined
    catch
        %% A container has no words for AMQP 0-9-1's decimals.
        error:function_clause -> undefined
    end.

-spec expires(message()) -> boolean().
expires(Message) ->
    mc:ttl(Message) =/= undefined.

%% The queue that dead-lettered the message last.
-spec last_death(message()) -> binary() | undefined.
last_death(Message) ->
    case header(<<"x-last-death-queue">>, Message) of
        Queue when is_binary(Queue) -> Queue;
        _ -> undefined
    end.

%% Whether dead-lettering the message into Queue is what the broker drops as a cycle.
-spec is_cycle(binary(), message()) -> boolean().
is_cycle(Queue, Message) ->
    mc:is_death_cycle(Queue, Message).

%%--------------------------------------------------------------------------------------------
%% Everything else.

%% Where an exchange type sends a message. A type may have kept the callback of earlier series.
-spec route(module(), rabbit_types:exchange(), message(), map()) ->
          [rabbit_types:r(queue | exchange) | {rabbit_types:r(queue), binary()}].
route(Type, X, Message, Options) ->
    case erlang:function_exported(Type, route, 3) of
        true -> Type:route(X, Message, Options);
        false -> Type:route(X, Message)
    end.

-spec declare_exchange(rabbit_types:r(exchange), rabbit_exchange:type(), boolean(), boolean(),
                       rabbit_framing:amqp_table(), rabbit_types:username()) -> ok.
declare_exchange(Name, Type, Durable, Internal, Args, User) ->
    {ok, #exchange{}} = rabbit_exchange:declare(Name, Type, Durable, false, Internal, Args, User),
    ok.

-spec update_queue(rabbit_types:r(queue), fun ((Queue) -> Queue)) -> Queue | not_found
              when Queue :: amqqueue:amqqueue().
update_queue(Name, Fun) ->
    rabbit_amqqueue:update(Name, Fun).

%% Writes to disk what is still in memory about exchanges, queues and bindings that exist. Khepri
%% answers only when it has done so; Mnesia does not.
-spec sync_metadata() -> ok.
sync_metadata() ->
    case rabbit_khepri:is_enabled() of
        true -> ok;
        false -> ok = mnesia:sync_log()
    end.

%% A caller may wrap what it does in a Mnesia transaction of its own, where there is Mnesia.
-spec in_transaction() -> boolean().
in_transaction() ->
    erlang:function_exported(mnesia, is_transaction, 0) andalso mnesia:is_transaction().

-spec has_at_least_once() -> boolean().
has_at_least_once() ->
    true.

%% Whether a stage would still be there when the broker comes back without its type: Khepri keeps
%% transient exchanges too. With other nodes in the cluster it has to be there for them.
-spec keeps_stages() -> boolean().
keeps_stages() ->
    rabbit_khepri:is_enabled() andalso rabbit_nodes:list_members() =:= [node()].

%%--------------------------------------------------------------------------------------------
%% Quorum queues.

%% Something that changes when a quorum queue with a member here is used.
-spec position(amqqueue:amqqueue()) -> term().
position(Q) ->
    {Server, _} = amqqueue:get_pid(Q),
    maps:get(last_applied, ra:key_metrics({Server, node()}), undefined).

%% What a function of rabbit_fifo says of a queue, after everything that it has confirmed.
-spec query(ra:server_id(), atom()) -> term().
query(Leader, Function) ->
    {ok, Answer, _} = ra:consistent_query(Leader, {rabbit_fifo, Function, []}),
    Answer.

%% Nobody depends on the recorded leader: a process asks all members for it.
-spec has_dead_leader(rabbit_types:r(queue)) -> boolean().
has_dead_leader(_Name) ->
    false.

-spec replace_dead_leaders() -> ok.
replace_dead_leaders() ->
    ok.

%% A member is as good as any other, however it was started.
-spec repair_member(amqqueue:amqqueue()) -> ok.
repair_member(_Q) ->
    ok.
