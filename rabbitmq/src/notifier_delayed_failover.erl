%% SPDX-License-Identifier: Apache-2.0
%%
%% Hears of a node's end, and sees to it that what goes on is not addressed to it.

-module(notifier_delayed_failover).

-behaviour(gen_server).

-export([start_link/0]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2]).

-define(AGAIN_AFTER_MS, 500).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

init([]) ->
    ok = net_kernel:monitor_nodes(true),
    {ok, none, {continue, replace}}.

%% The metadata store may itself be in the middle of losing the node.
handle_continue(replace, State) ->
    try
        ok = notifier_delayed_broker:replace_dead_leaders()
    catch
        Class:Reason ->
            rabbit_log:warning("x-delayed-message: leaders on dead nodes not replaced yet: ~p:~0p",
                               [Class, Reason]),
            erlang:send_after(?AGAIN_AFTER_MS, self(), replace)
    end,
    {noreply, State}.

handle_call(_Request, _From, State) ->
    {reply, ok, State}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info({nodeup, _Node}, State) ->
    {noreply, State};
handle_info(_NodeDownOrReplace, State) ->
    {noreply, State, {continue, replace}}.
