%% SPDX-License-Identifier: Apache-2.0
%%
%% The plugin's application. It starts after the broker has recovered its exchanges, queues and
%% bindings and before the first listener, so whatever a crash left half done is repaired before a
%% client can see it.

-module(notifier_delayed_app).

-behaviour(application).
-behaviour(supervisor).

-export([start/2, prep_stop/1, stop/1, is_up/0]).
-export([init/1]).

-define(UP, {?MODULE, up}).

start(_Type, _Args) ->
    ok = notifier_delayed_exchange:register(),
    {ok, Pid} = supervisor:start_link({local, notifier_delayed_sup}, ?MODULE, []),
    persistent_term:put(?UP, true),
    ok = notifier_delayed_routes:repair_all(),
    ok = notifier_delayed_gate:open(),
    {ok, Pid}.

%% A plugin that stops while its broker runs on is being disabled. One that stops with its broker
%% might not be there when that comes back.
prep_stop(State) ->
    _ = persistent_term:erase(?UP),
    {RuntimeState, _} = init:get_status(),
    Disabled = RuntimeState =:= started andalso rabbit_boot_state:has_reached_and_is_active(ready),
    case Disabled orelse notifier_delayed_broker:keeps_stages() of
        true -> ok = notifier_delayed_routes:remove_stages();
        false -> ok
    end,
    State.

stop(_State) ->
    ok.

%% False while the plugin stops, and while the broker boots: the callbacks of recovered exchanges
%% and bindings arrive in no useful order then, and repair_all/0 makes up for all of them.
-spec is_up() -> boolean().
is_up() ->
    persistent_term:get(?UP, false).

init([]) ->
    Worker = fun(Module) -> #{id => Module, start => {Module, start_link, []}} end,
    {ok, {#{strategy => one_for_one, intensity => 10, period => 10},
          [Worker(notifier_delayed_holds), Worker(notifier_delayed_routes),
           Worker(notifier_delayed_collector), Worker(notifier_delayed_failover),
           Worker(notifier_delayed_workers)]}}.
