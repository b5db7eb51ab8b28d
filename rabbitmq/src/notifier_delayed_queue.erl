%% SPDX-License-Identifier: Apache-2.0
%%
%% A hold queue in the broker's records: what it is declared with, which mark it carries, whether a
%% policy spoils it, whose it is and what it holds. Changing any of it needs the queue's lock, which
%% notifier_delayed_holds takes.

-module(notifier_delayed_queue).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([spec/3, plain_spec/1, is_foreign/1, state/1, mark/1, set_mark/2]).
-export([list/0, owner/1, is_led_here/1, is_empty/1, held/1, held_here/1]).

-export_type([spec/0, mark/0, refusal/0]).

-define(MARK, notifier_delayed).
-define(QUERY_TIMEOUT_MS, 5000).

-type refusal() :: {refused, string(), [term()]}.
-type spec() :: {rabbit_types:r(queue), rabbit_framing:amqp_table()}.
-type mark() :: {ready | retiring, Born :: integer()}.

-spec spec(rabbit_types:r(exchange), notifier_delayed_names:hop(), pos_integer()) -> spec().
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

%% A durable queue that holds nothing back.
-spec plain_spec(rabbit_types:r(queue)) -> spec().
plain_spec(Name) ->
    {Name, plain_args()}.

plain_args() ->
    [{<<"x-queue-type">>, longstr, <<"quorum">>}].

%% Whether the name of a plain queue is taken by a queue that is not ours.
-spec is_foreign(rabbit_types:r(queue)) -> boolean().
is_foreign(Name) ->
    case state(Name) of
        {unmarked, Q} -> amqqueue:get_arguments(Q) =/= plain_args();
        _ -> false
    end.

-spec state(rabbit_types:r(queue)) ->
          {ready, Born :: integer()} | {retiring, amqqueue:amqqueue(), Born :: integer()}
              | {unmarked, amqqueue:amqqueue()} | missing | refusal().
state(Name) ->
    case rabbit_amqqueue:lookup(Name) of
        {ok, Q} ->
            case mark(Q) of
                {ready, _} = Ready -> obeys_policy(Q, Ready);
                {retiring, Born} -> {retiring, Q, Born};
                none -> {unmarked, Q}
            end;
        {error, not_found} ->
            missing
    end.

-spec mark(amqqueue:amqqueue()) -> mark() | none.
mark(Q) ->
    maps:get(?MARK, amqqueue:get_options(Q), none).

%% A policy can make a hold queue lose or release early what it holds.
obeys_policy(Q, Ready) ->
    case rabbit_policy:effective_definition(Q) of
        undefined -> Ready;
        Definition -> obeys_policy(Q, rabbit_data_coercion:to_map(Definition), Ready)
    end.

obeys_policy(Q, Definition, Ready) ->
    Ttl = rabbit_misc:table_lookup(amqqueue:get_arguments(Q), <<"x-message-ttl">>),
    case [Key || {Key, Value} <- maps:to_list(Definition), harms(Key, Value, Ttl)] of
        [] -> Ready;
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

-spec set_mark(rabbit_types:r(queue), mark()) -> mark() | refusal().
set_mark(Name, Mark) ->
    Marked = fun (Q) -> amqqueue:set_options(Q, (amqqueue:get_options(Q))#{?MARK => Mark}) end,
    case notifier_delayed_broker:update_queue(Name, Marked) of
        not_found -> {refused, "~s was deleted while it was made ready", [rabbit_misc:rs(Name)]};
        Q -> obeys_policy(Q, Mark)
    end.

%% The hold queues of all delayed exchanges.
-spec list() -> [amqqueue:amqqueue()].
list() ->
    [Q || #resource{name = Name} = Resource <- rabbit_amqqueue:list_names(),
          binary:match(Name, [<<".hold.">>, <<".final.">>]) =/= nomatch,
          {ok, Q} <- [rabbit_amqqueue:lookup(Resource)],
          is_hold(Q)].

%% One of ours that is not a plain one.
is_hold(Q) ->
    mark(Q) =/= none andalso amqqueue:get_arguments(Q) =/= plain_args().

%% The exchange that a hold queue belongs to.
-spec owner(amqqueue:amqqueue()) -> rabbit_types:r(exchange).
owner(Q) ->
    {longstr, Target} = rabbit_misc:table_lookup(amqqueue:get_arguments(Q),
                                                 <<"x-dead-letter-exchange">>),
    #resource{} = notifier_delayed_names:owner(
                    (amqqueue:get_name(Q))#resource{kind = exchange, name = Target}).

-spec is_empty(amqqueue:amqqueue()) -> boolean().
is_empty(Q) ->
    notifier_delayed_broker:query(amqqueue:get_pid(Q), query_messages_total) =:= 0.

%% How many messages an exchange holds, as of the last statistics of its queues (every 5 s).
-spec held(rabbit_types:r(exchange)) -> non_neg_integer().
held(X) ->
    {Counts, _} = rpc:multicall([node() | nodes()], ?MODULE, held_here, [X], ?QUERY_TIMEOUT_MS),
    lists:sum([Count || Count <- Counts, is_integer(Count)]).

-spec held_here(rabbit_types:r(exchange)) -> non_neg_integer().
held_here(#resource{virtual_host = VHost} = X) ->
    Filled = ets:select(queue_coarse_metrics,
                        [{{#resource{virtual_host = VHost, kind = queue, name = '$1'},
                           '_', '_', '$2', '_'},
                          [{'>', '$2', 0}], [{{'$1', '$2'}}]}]),
    lists:sum([Count || {Name, Count} <- Filled,
                        is_prefix(X#resource.name, Name),
                        holds_here(X, rabbit_misc:r(VHost, queue, Name))]).

is_prefix(Prefix, Name) ->
    binary:longest_common_prefix([Prefix, Name]) =:= byte_size(Prefix).

%% The statistics of a former leader may still be there.
holds_here(X, Name) ->
    case rabbit_amqqueue:lookup(Name) of
        {ok, Q} -> is_hold(Q) andalso is_led_here(Q) andalso owner(Q) =:= X;
        {error, not_found} -> false
    end.

-spec is_led_here(amqqueue:amqqueue()) -> boolean().
is_led_here(Q) ->
    {Server, _} = amqqueue:get_pid(Q),
    ra_leaderboard:lookup_leader(Server) =:= {Server, node()}.
