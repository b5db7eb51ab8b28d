%% SPDX-License-Identifier: Apache-2.0
%%
%% What differs between the series of RabbitMQ. This one: messages are deliveries with a basic
%% message in them and everything is kept in Mnesia, as in 3.10.

-module(notifier_delayed_broker).

-include_lib("rabbit_common/include/rabbit.hrl").
-include_lib("rabbit_common/include/rabbit_framing.hrl").

-export([header/2, expires/1, last_death/1, is_cycle/2]).
-export([route/4, declare_exchange/6, update_queue/2, sync_metadata/0, in_transaction/0,
         has_at_least_once/0, keeps_stages/0]).
-export([position/1, query/2, has_dead_leader/1, replace_dead_leaders/0, repair_member/1]).

-export_type([message/0]).

-type message() :: rabbit_types:delivery().

%%--------------------------------------------------------------------------------------------
%% Messages.

-spec header(binary(), message()) -> integer() | binary() | undefined.
header(Key, Delivery) ->
    case rabbit_misc:table_lookup(headers(Delivery), Key) of
        {longstr, Text} -> Text;
        {Type, N} when is_integer(N), Type =/= timestamp -> N;
        _ -> undefined
    end.

-spec expires(message()) -> boolean().
expires(Delivery) ->
    #'P_basic'{expiration = Expiration} = properties(Delivery),
    Expiration =/= undefined.

%% The queue that dead-lettered the message last.
-spec last_death(message()) -> binary() | undefined.
last_death(Delivery) ->
    case deaths(Delivery) of
        [Death | _] -> queue_of(Death);
        [] -> undefined
    end.

%% Whether dead-lettering the message into Queue is what the broker drops as a cycle: it was
%% there before and no client has rejected it since.
%% Source: rabbit_dead_letter:detect_cycles/3 of 3.10.8.
-spec is_cycle(binary(), message()) -> boolean().
is_cycle(Queue, Delivery) ->
    case lists:splitwith(fun(Death) -> queue_of(Death) =/= Queue end, deaths(Delivery)) of
        {_, []} -> false;
        {Since, [There | _]} -> not lists:any(fun was_rejected/1, [There | Since])
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

%%--------------------------------------------------------------------------------------------
%% Everything else.

%% Where an exchange type sends a message.
-spec route(module(), rabbit_types:exchange(), message(), map()) ->
          [rabbit_types:r(queue | exchange)].
route(Type, X, Delivery, _Options) ->
    Type:route(X, Delivery).

-spec declare_exchange(rabbit_types:r(exchange), rabbit_exchange:type(), boolean(), boolean(),
                       rabbit_framing:amqp_table(), rabbit_types:username()) -> ok.
declare_exchange(Name, Type, Durable, Internal, Args, User) ->
    #exchange{} = rabbit_exchange:declare(Name, Type, Durable, false, Internal, Args, User),
    ok.

-spec update_queue(rabbit_types:r(queue), fun ((Queue) -> Queue)) -> Queue | not_found
              when Queue :: amqqueue:amqqueue().
update_queue(Name, Fun) ->
    rabbit_misc:execute_mnesia_transaction(fun () -> rabbit_amqqueue:update(Name, Fun) end).

%% Writes to disk what is still in memory about exchanges, queues and bindings that exist.
-spec sync_metadata() -> ok.
sync_metadata() ->
    ok = mnesia:sync_log().

%% Callbacks come a second time inside a transaction.
-spec in_transaction() -> boolean().
in_transaction() ->
    mnesia:is_transaction().

%% At-least-once dead-lettering comes with this feature flag.
-spec has_at_least_once() -> boolean().
has_at_least_once() ->
    rabbit_queue_type:is_supported().

%% Whether a stage would still be there when the broker comes back without its type.
-spec keeps_stages() -> boolean().
keeps_stages() ->
    false.

%%--------------------------------------------------------------------------------------------
%% Quorum queues.

%% Something that changes, within seconds, when a quorum queue with a member here is used.
-spec position(amqqueue:amqqueue()) -> term().
position(Q) ->
    case ets:lookup(ra_metrics, amqqueue:get_name(Q)) of
        [{_, Term, _Snapshot, Applied, _Commit, _Written, _Latency}] -> {Term, Applied};
        [] -> undefined
    end.

%% What a function of rabbit_fifo says of a queue, after everything that it has confirmed.
-spec query(ra:server_id(), atom()) -> term().
query(Leader, Function) ->
    {ok, Answer, _} = ra:consistent_query(Leader, fun rabbit_fifo:Function/1),
    Answer.

%% A process whose first message to a quorum queue finds the node of the recorded leader dead has
%% that message refused and every later one too, until the node is back: rabbit_fifo_client asks
%% that node and no other for its version. A dead-letter worker, which starts as soon as its own
%% queue has a new leader, would hold everything until then. So the record names a living member
%% at once, who knows the leader or waits for one, and the new leader puts itself there.
-spec has_dead_leader(rabbit_types:r(queue)) -> boolean().
has_dead_leader(Name) ->
    {ok, Q} = rabbit_amqqueue:lookup(Name),
    {_, Node} = amqqueue:get_pid(Q),
    %% Asked as rabbit_fifo_client is about to: a node can be dead before this one has noticed.
    Node =/= node() andalso rpc:call(Node, erlang, node, []) =/= Node.

-spec replace_dead_leaders() -> ok.
replace_dead_leaders() ->
    case [amqqueue:get_name(Q) || Q <- rabbit_amqqueue:list_by_type(quorum), is_led_by_dead(Q)] of
        [] ->
            ok;
        Names ->
            rabbit_misc:execute_mnesia_transaction(
              fun () ->
                      [rabbit_amqqueue:update(Name, fun replace_dead_leader/1) || Name <- Names]
              end),
            ok
    end.

is_led_by_dead(Q) ->
    {_, Node} = amqqueue:get_pid(Q),
    not lists:member(Node, [node() | nodes()]).

replace_dead_leader(Q) ->
    {Server, _} = amqqueue:get_pid(Q),
    case is_led_by_dead(Q) andalso living_members(Q) of
        [Node | _] -> amqqueue:set_pid(Q, {Server, Node});
        _ -> Q
    end.

living_members(Q) ->
    [Node || Node <- rabbit_amqqueue:get_quorum_nodes(Q), lists:member(Node, [node() | nodes()])].

%% A member that the broker makes anew, because the queue was declared while its node was away,
%% wraps its events for nobody (rabbit_quorum_queue:recover/2 gives it no formatter): when it
%% leads, no consumer and no dead-letter worker understands them. Restarted it does.
-spec repair_member(amqqueue:amqqueue()) -> ok.
repair_member(Q) ->
    {Server, _} = amqqueue:get_pid(Q),
    Uid = ra_directory:uid_of(quorum_queues, Server),
    case ra_log:read_config(ra_env:server_data_dir(quorum_queues, Uid)) of
        {ok, #{ra_event_formatter := _}} ->
            ok;
        %% A client deleted the queue, and a crash brought the record back.
        {error, enoent} ->
            ok;
        {ok, _} ->
            #resource{virtual_host = VHost} = amqqueue:get_name(Q),
            ok = ra:stop_server(quorum_queues, {Server, node()}),
            {[_], []} = rabbit_quorum_queue:recover(VHost, [Q]),
            ok
    end.
