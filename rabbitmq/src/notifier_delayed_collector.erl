%% SPDX-License-Identifier: Apache-2.0
%%
%% The process that deletes what is no longer used: hold queues that hold nothing, and the exchanges
%% around a delayed exchange that was deleted, once it holds nothing.
%%
%% A hold queue goes in two steps, so that it never takes a message with it. One that was not used
%% for a time and is empty is marked as retiring; who uses it then takes the mark away. One that is
%% still marked a while later, and empty, is deleted. In a cluster the leader's node sees to it.
%%
%% And it gives back memory: a process that only waits has no reason to collect its garbage.

-module(notifier_delayed_collector).

-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").
-include_lib("rabbit_common/include/rabbit.hrl").

-export([start_link/0, collect/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% Collecting garbage stops a process, the longer the more it has; 32 MB.
-define(MOST_TRIMMED_WORDS, 4 * 1024 * 1024).

%% How far a hold queue's process on this node had come, and whether its garbage was collected then.
-type heaps() :: #{pid() => {Position :: term(), Trimmed :: boolean()}}.

%% How a hold queue or a deleted exchange looked, and since when (ms) it has looked like that.
-type seen() :: {{Position :: term(), Mark :: term()} | gone, Since :: integer()}.
-type all_seen() :: #{rabbit_types:r(queue | exchange) => seen()}.

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Looks at everything once, out of turn; the next turn comes as long after it as is set by then.
-spec collect() -> ok.
collect() ->
    gen_server:call(?MODULE, collect, infinity).

init([]) ->
    {ok, {schedule(), #{}, #{}}}.

schedule() ->
    erlang:send_after(setting(collect_every_ms), self(), collect).

handle_call(collect, _From, {Timer, Seen, Heaps}) ->
    _ = erlang:cancel_timer(Timer),
    {reply, ok, turn(Seen, Heaps)}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info(collect, {_Timer, Seen, Heaps}) ->
    {noreply, turn(Seen, Heaps)}.

turn(Seen, Heaps) ->
    Queues = notifier_delayed_queue:list(),
    NextSeen = collect(Queues, Seen),
    {schedule(), NextSeen, trim(Queues, Heaps)}.

%% Once for each time that a queue came to rest, which is when it has not moved between two turns.
-spec trim([amqqueue:amqqueue()], heaps()) -> heaps().
trim(Queues, Heaps) ->
    maps:from_list(
      [{Pid, trim_one(Pid, notifier_delayed_broker:position(Q), Heaps)}
       || Q <- Queues, {Server, _} <- [amqqueue:get_pid(Q)], Pid <- [whereis(Server)], is_pid(Pid)]).

trim_one(Pid, Position, Heaps) ->
    case Heaps of
        #{Pid := {Position, Trimmed}} -> {Position, Trimmed orelse collect_garbage(Pid)};
        _ -> {Position, false}
    end.

collect_garbage(Pid) ->
    case process_info(Pid, total_heap_size) of
        {_, Words} when Words =< ?MOST_TRIMMED_WORDS -> erlang:garbage_collect(Pid);
        _ -> true
    end.

-spec collect([amqqueue:amqqueue()], all_seen()) -> all_seen().
collect(Queues, Seen) ->
    maps:from_list(
      [look_at_queue(Q, Seen) || Q <- Queues, notifier_delayed_queue:is_led_here(Q)]
      ++ [look_at_owner(Owner, Seen)
          || Owner <- notifier_delayed_routes:owners(), not rabbit_exchange:exists(Owner)]).

%% The exchange is gone. A message that was published before it went has its hold queue by now.
look_at_owner(Owner, Seen) ->
    {Since, Ms} = since(Owner, gone, Seen),
    Ms >= setting(hold_queue_retiring_ms) andalso
        attempt(Owner, fun () -> notifier_delayed_routes:remove(Owner) end),
    {Owner, {gone, Since}}.

look_at_queue(Q, Seen) ->
    Name = amqqueue:get_name(Q),
    {_, Mark} = Looks = {notifier_delayed_broker:position(Q), notifier_delayed_queue:mark(Q)},
    {Since, Ms} = since(Name, Looks, Seen),
    case Ms >= patience(Mark, Q) andalso attempt(Name, fun () -> act(Mark, Name) end) of
        false -> {Name, {Looks, Since}};
        _ -> {Name, {Looks, Since + Ms}}
    end.

%% Since when something has looked as it does now, and how long (ms) that is.
since(Name, Looks, Seen) ->
    Now = erlang:monotonic_time(millisecond),
    case Seen of
        #{Name := {Looks, Since}} -> {Since, Now - Since};
        _ -> {Now, 0}
    end.

patience({retiring, _}, _Q) ->
    setting(hold_queue_retiring_ms);
patience({ready, _}, Q) ->
    case rabbit_exchange:exists(notifier_delayed_queue:owner(Q)) of
        true -> setting(hold_queue_idle_ms);
        false -> 0
    end.

act({ready, _}, Name) -> notifier_delayed_holds:retire(Name);
act({retiring, _}, Name) -> notifier_delayed_holds:remove(Name).

setting(Key) ->
    {ok, Ms} = application:get_env(notifier_delayed_exchange, Key),
    Ms.

%% What cannot be collected now, for want of a majority say, can wait.
attempt(Name, Fun) ->
    try
        Fun()
    catch
        Class:Reason ->
            ?LOG_WARNING("x-delayed-message: ~s not collected: ~p:~0p",
                         [rabbit_misc:rs(Name), Class, Reason])
    end.
