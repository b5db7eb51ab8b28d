%% SPDX-License-Identifier: Apache-2.0
%%
%% Sees to it that every hold queue which is led here has the worker that hands on what is due.
%%
%% RabbitMQ starts the worker when a member becomes the leader, and never again. It can be lost all
%% the same: one that was started for a leader which had been deposed by then takes the place of the
%% new leader's and ends, as after the gate of a booting node; and the supervisor of 3.10 gives up
%% after two failures within five seconds.

-module(notifier_delayed_workers).

-behaviour(gen_server).

-export([start_link/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(LOOK_EVERY_MS, 10000).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

init([]) ->
    {ok, _} = timer:send_interval(?LOOK_EVERY_MS, look),
    {ok, none}.

handle_call(_Request, _From, State) ->
    {reply, ok, State}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info(look, State) ->
    restart_supervisor(),
    [start_worker(Q) || Q <- notifier_delayed_queue:list(), notifier_delayed_queue:is_led_here(Q)],
    {noreply, State}.

restart_supervisor() ->
    %% An error says that it runs.
    _ = supervisor:restart_child(rabbit_sup, rabbit_fifo_dlx_sup),
    ok.

%% The leader does nothing if the worker that takes its messages is here and alive.
%% Source: rabbit_fifo_dlx:handle_aux/6 of 3.10.8, 4.0.5 and 4.3.5.
start_worker(Q) ->
    {Server, _} = amqqueue:get_pid(Q),
    ra:cast_aux_command({Server, node()}, {dlx, setup}).
