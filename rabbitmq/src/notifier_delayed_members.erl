%% SPDX-License-Identifier: Apache-2.0
%%
%% Makes a quorum queue that exists ready for its first message: led, configured, and on disk on a
%% majority of its nodes. Whoever declared it may have died at any point of doing so, and the node
%% that leads it may be dying now.

-module(notifier_delayed_members).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([settle/1, flush/0, start/1, repair_all/0]).

-define(SETTLE_TIMEOUT_MS, 15000).
-define(MEMBER_TIMEOUT_MS, 2000).
-define(PAUSE_MS, 100).
-define(FLUSH_TIMEOUT_MS, 10000).

%% Raises if it does not succeed in time, as when a majority is down.
-spec settle(amqqueue:amqqueue()) -> ok.
settle(Q) ->
    ok = configure(Q, erlang:monotonic_time(millisecond) + ?SETTLE_TIMEOUT_MS),
    flush_majority(rabbit_amqqueue:get_quorum_nodes(Q)).

configure(Q, Deadline) ->
    try
        {ok, _, Leader} = ra:members(servers(Q), ?MEMBER_TIMEOUT_MS),
        %% It reports no failure, so the leader is asked what it has made of it.
        ok = rabbit_quorum_queue:policy_changed(amqqueue:set_pid(Q, Leader)),
        true = has_ttl(Q, Leader),
        ok
    catch
        Class:Reason ->
            case erlang:monotonic_time(millisecond) > Deadline of
                true -> erlang:raise(Class, Reason, []);
                false -> revive(Q), timer:sleep(?PAUSE_MS), configure(Q, Deadline)
            end
    end.

servers(Q) ->
    {Server, _} = amqqueue:get_pid(Q),
    [{Server, Node} || Node <- rabbit_amqqueue:get_quorum_nodes(Q)].

%% A policy may shorten it, which is judged elsewhere.
has_ttl(Q, Leader) ->
    case rabbit_misc:table_lookup(amqqueue:get_arguments(Q), <<"x-message-ttl">>) of
        undefined ->
            true;
        {long, Ttl} ->
            #{config := #{msg_ttl := Ms}} = notifier_delayed_broker:query(Leader, overview),
            Ms =< Ttl
    end.

%% Who died between recording the queue and starting its members leaves a record only, and members
%% that have never had a leader wait for somebody to tell them to elect one.
revive(Q) ->
    [revive(Q, Server) || {_, Node} = Server <- servers(Q), lists:member(Node, [node() | nodes()])],
    ok.

revive(Q, {Name, Node} = Server) ->
    case rpc:call(Node, erlang, whereis, [Name], ?MEMBER_TIMEOUT_MS) of
        undefined -> rpc:call(Node, ?MODULE, start, [Q], ?MEMBER_TIMEOUT_MS);
        _ -> ok
    end,
    try ra:trigger_election(Server, ?MEMBER_TIMEOUT_MS)
    catch exit:_ -> ok
    end.

%% Starts the member on this node.
-spec start(amqqueue:amqqueue()) -> ok.
start(Q) ->
    #resource{virtual_host = VHost} = amqqueue:get_name(Q),
    {[_], []} = rabbit_quorum_queue:recover(VHost, [Q]),
    notifier_delayed_broker:repair_member(Q).

%% Repairs the members on this node that the broker has started just now.
-spec repair_all() -> ok.
repair_all() ->
    [ok = notifier_delayed_broker:repair_member(Q)
     || Q <- rabbit_amqqueue:list_by_type(quorum),
        notifier_delayed_queue:mark(Q) =/= none,
        lists:member(node(), rabbit_amqqueue:get_quorum_nodes(Q))],
    ok.

%% As for anything that a quorum queue has confirmed.
flush_majority(Nodes) ->
    {Answers, _Down} = rpc:multicall(Nodes, ?MODULE, flush, [], ?FLUSH_TIMEOUT_MS),
    true = length([ok || ok <- Answers]) > length(Nodes) div 2,
    ok.

%% Writes to disk what is still in memory about queues that exist.
-spec flush() -> ok.
flush() ->
    #{names := #{directory_rev := Directory, log_meta := Meta}} = ra_system:fetch(quorum_queues),
    ok = dets:sync(Directory),
    ok = dets:sync(Meta),
    notifier_delayed_broker:sync_metadata().
