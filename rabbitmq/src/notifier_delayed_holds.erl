%% SPDX-License-Identifier: Apache-2.0
%%
%% The hold queues: which one a message goes to, and making one ready before its first message.
%%
%% A quorum queue can be looked up before it has a leader, its dead-lettering and a place on disk.
%% A message that comes in this window is nacked, never expires, or is gone after a crash. So a
%% queue is used only once it carries a mark in its record, and gets the mark when all that is
%% done. The process here makes each queue once however many channels ask for it; a global lock
%% does the same between nodes.

-module(notifier_delayed_holds).

-behaviour(gen_server).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([start_link/0, route/3, ensure_plain/1, is_foreign/1, flush/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(MARK, notifier_delayed).
-define(USER, <<"rmq-internal">>).
%% Twins of one hold queue, itself included; what has been through all of them goes unrouted.
-define(MAX_TWINS, 9).
-define(LEADER_TIMEOUT_MS, 10000).
-define(FLUSH_TIMEOUT_MS, 10000).

-type refusal() :: {refused, string(), [term()]}.
-type spec() :: {rabbit_types:r(queue), rabbit_framing:amqp_table()}.

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The hold queue for the next stop of a message that has Ms to wait. The queues of the later
%% stops are made ready too, so that the way of a message is never held up by making a queue.
-spec route(rabbit_types:r(exchange), pos_integer(), notifier_delayed_broker:message()) ->
          {ok, [rabbit_types:r(queue)]} | refusal().
route(X, Ms, Message) ->
    [Next | Later] = notifier_delayed_names:hops(Ms),
    case twin(X, Next, Message) of
        {ok, Twin} -> ready([spec(X, Next, Twin) | [spec(X, Hop, 1) || Hop <- Later]]);
        error -> {refused, "a message to ~s has been through all twins of its hold queue",
                  [rabbit_misc:rs(X)]}
    end.

%% A client's publish is never dropped as a cycle, so it needs no twin.
twin(X, Hop, Message) ->
    case notifier_delayed_message:from_client() of
        true -> {ok, 1};
        false -> twin(X, Hop, Message, 1)
    end.

twin(_X, _Hop, _Message, Twin) when Twin > ?MAX_TWINS ->
    error;
twin(X, Hop, Message, Twin) ->
    #resource{name = Name} = notifier_delayed_names:hold_queue(X, Hop, Twin),
    case notifier_delayed_broker:is_cycle(Name, Message) of
        true -> twin(X, Hop, Message, Twin + 1);
        false -> {ok, Twin}
    end.

ready(Specs) ->
    case [Refusal || {refused, _, _} = Refusal <- [ready_one(Spec) || Spec <- Specs]] of
        [] -> {ok, [element(1, hd(Specs))]};
        [Refusal | _] -> Refusal
    end.

-spec ready_one(spec()) -> ok | refusal().
ready_one({Name, _Args} = Spec) ->
    case state(Name) of
        ready -> ok;
        {refused, _, _} = Refusal -> Refusal;
        _ -> gen_server:call(?MODULE, {make, Spec}, infinity)
    end.

%% A durable quorum queue that holds nothing back, made ready in the same way.
-spec ensure_plain(rabbit_types:r(queue)) -> ok | refusal().
ensure_plain(Name) ->
    ready_one({Name, plain_args()}).

%% Whether the name of a plain queue is taken by a queue that is not ours.
-spec is_foreign(rabbit_types:r(queue)) -> boolean().
is_foreign(Name) ->
    case state(Name) of
        {unmarked, Q} -> amqqueue:get_arguments(Q) =/= plain_args();
        _ -> false
    end.

plain_args() ->
    [{<<"x-queue-type">>, longstr, <<"quorum">>}].

spec(X, {Kind, Ms} = Hop, Twin) ->
    Target = case Kind of
                 hold -> notifier_delayed_names:stage(X);
                 final -> notifier_delayed_names:companion(X)
             end,
    {notifier_delayed_names:hold_queue(X, Hop, Twin),
     [{<<"x-queue-type">>, longstr, <<"quorum">>},
      {<<"x-message-ttl">>, long, Ms},
      {<<"x-dead-letter-exchange">>, longstr, Target#resource.name},
      {<<"x-dead-letter-strategy">>, longstr, <<"at-least-once">>},
      {<<"x-overflow">>, longstr, <<"reject-publish">>}]}.

state(Name) ->
    case rabbit_amqqueue:lookup(Name) of
        {ok, Q} ->
            case maps:is_key(?MARK, amqqueue:get_options(Q)) of
                true -> obeys_policy(Q);
                false -> {unmarked, Q}
            end;
        {error, not_found} ->
            missing
    end.

%% A policy can make a hold queue lose or release early what it holds.
obeys_policy(Q) ->
    case rabbit_policy:effective_definition(Q) of
        undefined -> ready;
        Definition -> obeys_policy(Q, rabbit_data_coercion:to_map(Definition))
    end.

obeys_policy(Q, Definition) ->
    Ttl = rabbit_misc:table_lookup(amqqueue:get_arguments(Q), <<"x-message-ttl">>),
    case [Key || {Key, Value} <- maps:to_list(Definition), harms(Key, Value, Ttl)] of
        [] -> ready;
        [Key | _] ->
            {refused, "a policy sets ~s on ~s, which would lose messages or release them early; "
             "let the policy's pattern leave it out",
             [Key, rabbit_misc:rs(amqqueue:get_name(Q))]}
    end.

harms(_, _, undefined) -> false;
harms(<<"expires">>, _, _) -> true;
harms(<<"overflow">>, Overflow, _) -> Overflow =/= <<"reject-publish">>;
harms(<<"message-ttl">>, Ms, {long, Ttl}) -> Ms < Ttl;
harms(_, _, _) -> false.

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
    global:trans({{?MODULE, Name}, self()}, fun () -> make_locked(Spec) end).

make_locked({Name, Args} = Spec) ->
    case state(Name) of
        missing -> declare(Spec);
        {unmarked, Q} -> adopt(Q, Args);
        ready -> ok;
        {refused, _, _} = Refusal -> Refusal
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
    {ok, Members, Leader} = ra:members(amqqueue:get_pid(Q), ?LEADER_TIMEOUT_MS),
    ok = rabbit_quorum_queue:policy_changed(amqqueue:set_pid(Q, Leader)),
    ok = flush([Node || {_, Node} <- Members]),
    mark(amqqueue:get_name(Q)).

%% On a majority, as for anything that a quorum queue has confirmed.
flush(Nodes) ->
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

mark(Name) ->
    Marked = fun (Q) -> amqqueue:set_options(Q, (amqqueue:get_options(Q))#{?MARK => ready}) end,
    case notifier_delayed_broker:update_queue(Name, Marked) of
        not_found -> {refused, "~s was deleted while it was made ready", [rabbit_misc:rs(Name)]};
        Q -> case obeys_policy(Q) of
                 ready -> ok;
                 Refusal -> Refusal
             end
    end.
