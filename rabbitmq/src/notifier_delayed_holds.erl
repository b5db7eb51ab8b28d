%% SPDX-License-Identifier: Apache-2.0
%%
%% The hold queues: which one a message goes to, and making one ready before its first message.
%%
%% A quorum queue can be looked up before it has a leader, its dead-lettering and a place on disk.
%% A message that comes in this window is nacked, never expires, or is gone after a crash. So a
%% queue is used only once it carries a mark in its record, and gets the mark when all that is
%% done. The process here makes each queue once however many channels ask for it; a global lock
%% does the same between nodes.
%%
%% The mark is {ready, Born} with the moment (ms) at which the queue was made. A queue that nobody
%% uses is marked {retiring, Born} and deleted a while later, see notifier_delayed_collector; who
%% wants to use it before then makes it ready again. All of this happens under the queue's lock.

-module(notifier_delayed_holds).

-behaviour(gen_server).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([start_link/0, route/3, ensure_plain/1]).
-export([retire/1, remove/1, remove_plain/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(USER, <<"rmq-internal">>).
%% Twins of one hold queue, itself included; what has been through all of them goes unrouted.
-define(MAX_TWINS, 9).
-define(QUERY_TIMEOUT_MS, 5000).
%% A process has heard by then that a queue which it published into is gone.
-define(HEARD_AFTER_MS, 60000).

-type refusal() :: notifier_delayed_queue:refusal().
-type spec() :: notifier_delayed_queue:spec().

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The hold queue for the next stop of a message that has Ms to wait. The queues of the later
%% stops are made ready too, so that the way of a message is never held up by making a queue.
-spec route(rabbit_types:r(exchange), pos_integer(), notifier_delayed_broker:message()) ->
          {ok, [rabbit_types:r(queue)]} | refusal().
route(X, Ms, Message) ->
    [Next | Later] = notifier_delayed_names:hops(Ms),
    case next(X, Next, Message, 1) of
        {ok, Name} ->
            all_ready([notifier_delayed_queue:spec(X, Hop, 1) || Hop <- Later], {ok, [Name]});
        Refusal ->
            Refusal
    end.

next(X, _Hop, _Message, Twin) when Twin > ?MAX_TWINS ->
    {refused, "a message to ~s has been through all twins of its hold queue", [rabbit_misc:rs(X)]};
next(X, Hop, Message, Twin) ->
    {Name, _Args} = Spec = notifier_delayed_queue:spec(X, Hop, Twin),
    case is_cycle(Name, Message) orelse ready_one(Spec) of
        true -> next(X, Hop, Message, Twin + 1);
        {ready, Born} -> case knows_another(Name, Born) of
                             true -> next(X, Hop, Message, Twin + 1);
                             false -> {ok, Name}
                         end;
        Refusal -> Refusal
    end.

%% A client's publish is never dropped as a cycle, so it needs no twin.
is_cycle(#resource{name = Name}, Message) ->
    not notifier_delayed_message:from_client()
        andalso notifier_delayed_broker:is_cycle(Name, Message).

%% Whether this process has published into an earlier queue of the name that was collected, and
%% may not have heard of it: it would go on counting where it stopped, and the queue that is there
%% now would take its messages for ones that come out of turn.
knows_another(Name, Born) ->
    case get({?MODULE, Name}) of
        Born -> false;
        Other when Other =:= undefined -> knows(Name, Born);
        _ -> case erlang:system_time(millisecond) - Born > ?HEARD_AFTER_MS of
                 true -> knows(Name, Born);
                 false -> true
             end
    end.

knows(Name, Born) ->
    ok = notifier_delayed_failover:await_leader(Name),
    put({?MODULE, Name}, Born),
    false.

all_ready([], Answer) ->
    Answer;
all_ready([Spec | Specs], Answer) ->
    case ready_one(Spec) of
        {ready, _} -> all_ready(Specs, Answer);
        Refusal -> Refusal
    end.

-spec ready_one(spec()) -> {ready, Born :: integer()} | refusal().
ready_one({Name, _Args} = Spec) ->
    case notifier_delayed_queue:state(Name) of
        {ready, _} = Ready -> Ready;
        {refused, _, _} = Refusal -> Refusal;
        _ -> gen_server:call(?MODULE, {make, Spec}, infinity)
    end.

%% A durable quorum queue that holds nothing back, made ready in the same way.
-spec ensure_plain(rabbit_types:r(queue)) -> ok | refusal().
ensure_plain(Name) ->
    all_ready([notifier_delayed_queue:plain_spec(Name)], ok).

%%--------------------------------------------------------------------------------------------
%% The process: name of a queue in the making => who waits for it.

init([]) ->
    {ok, #{}}.

handle_call({make, {Name, _} = Spec}, From, Making) ->
    case Making of
        #{Name := {Ref, Waiting}} ->
            {noreply, Making#{Name := {Ref, [From | Waiting]}}};
        _ ->
            {_Pid, Ref} = spawn_monitor(fun () -> exit({made, make(Spec)}) end),
            {noreply, Making#{Name => {Ref, [From]}}}
    end.

handle_cast(_Message, Making) ->
    {noreply, Making}.

handle_info({'DOWN', Ref, process, _Pid, Reason}, Making) ->
    [{Name, Waiting}] = [{N, W} || {N, {R, W}} <- maps:to_list(Making), R =:= Ref],
    Answer = case Reason of
                 {made, Made} -> Made;
                 _ -> {refused, "~s cannot be made ready: ~0p", [rabbit_misc:rs(Name), Reason]}
             end,
    [gen_server:reply(From, Answer) || From <- Waiting],
    {noreply, maps:remove(Name, Making)}.

make({Name, _} = Spec) ->
    locked(Name, fun () -> make_locked(Spec) end).

locked(Name, Fun) ->
    global:trans({{?MODULE, Name}, self()}, Fun).

make_locked({Name, Args} = Spec) ->
    case notifier_delayed_queue:state(Name) of
        missing -> declare(Spec);
        {unmarked, Q} -> adopt(Q, Args);
        {retiring, Q, Born} -> finish(Q, Born);
        ReadyOrRefusal -> ReadyOrRefusal
    end.

declare({Name, Args}) ->
    case rabbit_amqqueue:declare(Name, true, false, Args, none, ?USER) of
        {new, Q} -> finish(Q);
        {existing, Q} -> adopt(Q, Args);
        Other -> {refused, "~s cannot be declared: ~0p", [rabbit_misc:rs(Name), Other]}
    end.

%% Somebody died between declaring the queue and marking it, or it is not ours at all.
adopt(Q, Args) ->
    Name = amqqueue:get_name(Q),
    case lists:sort(amqqueue:get_arguments(Q)) =:= lists:sort(Args) of
        true -> finish(Q);
        false -> {refused, "~s exists with other arguments; delete it", [rabbit_misc:rs(Name)]}
    end.

finish(Q) ->
    finish(Q, erlang:system_time(millisecond)).

finish(Q, Born) ->
    ok = notifier_delayed_members:settle(Q),
    notifier_delayed_queue:set_mark(amqqueue:get_name(Q), {ready, Born}).

%%--------------------------------------------------------------------------------------------
%% Collecting.

%% Marks a queue that holds nothing.
-spec retire(rabbit_types:r(queue)) -> done | kept.
retire(Name) ->
    locked(Name, fun () -> retire_locked(Name) end).

retire_locked(Name) ->
    case notifier_delayed_queue:state(Name) of
        {ready, Born} ->
            {ok, Q} = rabbit_amqqueue:lookup(Name),
            case notifier_delayed_queue:is_empty(Q) of
                true -> _ = notifier_delayed_queue:set_mark(Name, {retiring, Born}), done;
                false -> kept
            end;
        _ ->
            kept
    end.

%% Deletes a queue that is still retiring and holds nothing. Who routed to it before the mark has
%% been heard by now; who does after it waits for the lock and then makes a new one.
-spec remove(rabbit_types:r(queue)) -> done | kept.
remove(Name) ->
    locked(Name, fun () -> remove_locked(Name) end).

remove_locked(Name) ->
    case notifier_delayed_queue:state(Name) of
        {retiring, Q, Born} ->
            case has_all_members(Q) andalso remove_if_empty(Q) of
                true -> done;
                false -> _ = notifier_delayed_queue:set_mark(Name, {ready, Born}), kept
            end;
        _ ->
            kept
    end.

remove_if_empty(Q) ->
    case notifier_delayed_queue:is_empty(Q) of
        true ->
            {ok, 0} = rabbit_amqqueue:delete(Q, false, false, ?USER),
            %% Or a crash brings the record back, of a queue that has no members any more.
            ok = notifier_delayed_broker:sync_metadata(),
            true;
        false ->
            false
    end.

%% Deletes a plain queue that is empty.
-spec remove_plain(rabbit_types:r(queue)) -> ok.
remove_plain(Name) ->
    locked(Name, fun () -> remove_plain_locked(Name) end).

remove_plain_locked(Name) ->
    case rabbit_amqqueue:lookup(Name) of
        {ok, Q} -> notifier_delayed_queue:mark(Q) =/= none andalso remove_if_empty(Q), ok;
        {error, not_found} -> ok
    end.

%% Nobody may be left who has not heard of the mark, or whom the end of the queue does not reach.
has_all_members(Q) ->
    {ok, Members, _} = ra:members(amqqueue:get_pid(Q), ?QUERY_TIMEOUT_MS),
    [Node || {_, Node} <- Members] -- [node() | nodes()] =:= [].
