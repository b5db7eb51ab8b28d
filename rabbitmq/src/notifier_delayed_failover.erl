%% SPDX-License-Identifier: Apache-2.0
%%
%% Mends what this node finds when it comes back, and sees to it that nothing is addressed to a node
%% that has gone.

-module(notifier_delayed_failover).

-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

-export([start_link/0, await_leader/1]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2]).

-define(AGAIN_AFTER_MS, 500).
-define(REPLACE_TIMEOUT_MS, 10000).
-define(MAX_TRIES, 20).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Called by a process before its first message to a quorum queue: if the node of the recorded
%% leader died a moment ago, that is mended first. Raises if it cannot be.
-spec await_leader(rabbit_types:r(queue)) -> ok.
await_leader(Name) ->
    await_leader(Name, ?MAX_TRIES).

await_leader(Name, Tries) when Tries > 0 ->
    case notifier_delayed_broker:has_dead_leader(Name) of
        false ->
            ok;
        true ->
            case gen_server:call(?MODULE, replace, ?REPLACE_TIMEOUT_MS) of
                ok -> ok;
                failed -> timer:sleep(?AGAIN_AFTER_MS), await_leader(Name, Tries - 1)
            end
    end.

init([]) ->
    ok = net_kernel:monitor_nodes(true),
    {ok, none, {continue, repair}}.

handle_continue(repair, State) ->
    attempt(fun notifier_delayed_members:repair_all/0),
    {noreply, State, {continue, replace}};
handle_continue(replace, State) ->
    case attempt(fun notifier_delayed_broker:replace_dead_leaders/0) of
        ok -> ok;
        %% The metadata store may itself be in the middle of losing the node.
        failed -> erlang:send_after(?AGAIN_AFTER_MS, self(), replace)
    end,
    {noreply, State}.

attempt(Fun) ->
    try
        ok = Fun()
    catch
        Class:Reason ->
            ?LOG_WARNING("x-delayed-message: ~p failed: ~p:~0p", [Fun, Class, Reason]),
            failed
    end.

handle_call(replace, _From, State) ->
    {reply, attempt(fun notifier_delayed_broker:replace_dead_leaders/0), State}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info({nodeup, _Node}, State) ->
    {noreply, State};
handle_info(_NodeDownOrReplace, State) ->
    {noreply, State, {continue, replace}}.
