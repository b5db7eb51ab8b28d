%% SPDX-License-Identifier: Apache-2.0
%%
%% The exchanges around a delayed exchange, see notifier_delayed_names, and the mirroring of its
%% bindings into the companion. All of it can be built again from the delayed exchange's own record
%% and bindings: at start, when the exchange is declared, and every half minute.

-module(notifier_delayed_routes).

-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").
-include_lib("rabbit_common/include/rabbit.hrl").

-export([start_link/0, ensure/1, mirror/1, owners/0, remove/1, now/3, or_unrouted/2, repair_all/0,
         remove_stages/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(USER, <<"rmq-internal">>).
-define(ALTERNATE, <<"alternate-exchange">>).
-define(REPAIR_EVERY_MS, 30000).
-define(REGISTER_EVERY_MS, 1000).

-type refusal() :: {refused, string(), [term()]}.

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%%--------------------------------------------------------------------------------------------
%% Building.

%% Makes everything around the exchange what it should be. Nothing is written when it already is.
-spec ensure(rabbit_types:r(exchange)) -> ok.
ensure(Name) ->
    locked(Name, fun () -> ensure_locked(Name) end).

ensure_locked(Name) ->
    %% In this order: an exchange that exists after its bindings were read had them, but those of
    %% one that was deleted meanwhile must not be taken from what it still holds.
    Bindings = rabbit_binding:list_for_source(Name),
    case rabbit_exchange:lookup(Name) of
        {ok, X} -> build(X, Bindings);
        {error, not_found} -> ok
    end.

build(#exchange{name = Name} = X, Bindings) ->
    #resource{name = Unrouted} = UnroutedX = notifier_delayed_names:unrouted(Name),
    #resource{name = Alternate} = AlternateX = notifier_delayed_names:alternate(Name),
    Companion = notifier_delayed_names:companion(Name),
    UnroutedQueue = notifier_delayed_names:unrouted_queue(Name),
    ok = declare(Companion, notifier_delayed_checks:delegated_type(X), Name,
                 [{?ALTERNATE, longstr, Alternate}]),
    ok = become(Companion, [B#binding{source = Companion} || B <- Bindings]),
    ok = declare_stage(Name),
    ok = declare(AlternateX, fanout, Name, [{?ALTERNATE, longstr, Unrouted}]),
    ok = become(AlternateX, alternate_bindings(X, AlternateX)),
    ok = declare(UnroutedX, fanout, Name, []),
    ok = notifier_delayed_holds:ensure_plain(UnroutedQueue),
    bind(UnroutedX, UnroutedQueue).

declare(Name, Type, Owner, Args) ->
    declare(Name, Type, true, Owner, Args).

declare(Name, Type, Durable, Owner, Args) ->
    case rabbit_exchange:lookup(Name) of
        {ok, #exchange{type = Found} = X} ->
            true = notifier_delayed_checks:is_owner(Owner, X),
            redeclare(Found, Name, Type, Durable, Owner, Args);
        {error, not_found} ->
            notifier_delayed_broker:declare_exchange(
              Name, Type, Durable, true, [notifier_delayed_checks:owner_arg(Owner) | Args], ?USER)
    end.

redeclare(Type, _Name, Type, _Durable, _Owner, _Args) ->
    ok;
redeclare(_Found, Name, Type, Durable, Owner, Args) ->
    %% The delayed exchange was deleted and declared with another type to delegate to.
    ok = rabbit_exchange:delete(Name, false, ?USER),
    declare(Name, Type, Durable, Owner, Args).

%% A stage lives no longer than the plugin runs. Dead-lettering to an exchange whose type is
%% unknown stops it for the whole node; to one that does not exist it waits, and loses nothing.
declare_stage(Owner) ->
    declare(notifier_delayed_names:stage(Owner), 'x-delayed-message-stage', false, Owner, []).

%% Also for exchanges that were deleted while they held messages: their companions are still there.
restore_stages() ->
    [attempt(Owner, fun () -> declare_stage(Owner) end) || Owner <- owners()],
    ok.

%% The delayed exchanges that there are or were, as long as there is anything around them.
-spec owners() -> [rabbit_types:r(exchange)].
owners() ->
    [Owner || X <- rabbit_exchange:list(), Owner <- owner_of_companion(X)].

owner_of_companion(#exchange{name = Name} = X) ->
    [Owner || Owner <- notifier_delayed_checks:owners(X),
              notifier_delayed_names:companion(Owner) =:= Name].

%% For good: no repair brings them back before the plugin starts again.
-spec remove_stages() -> ok.
remove_stages() ->
    gen_server:call(?MODULE, remove_stages, infinity).

remove_all_stages() ->
    [rabbit_exchange:delete(Name, false, ?USER)
     || #exchange{name = Name, type = 'x-delayed-message-stage'} <- rabbit_exchange:list()],
    ok.

%% Deletes everything around an exchange that is gone and has no hold queues any more; what nobody
%% wanted stays.
-spec remove(rabbit_types:r(exchange)) -> ok.
remove(Name) ->
    locked(Name, fun () -> is_in_use(Name) orelse remove_locked(Name) end),
    ok.

is_in_use(Name) ->
    rabbit_exchange:exists(Name)
        orelse lists:any(fun (Q) -> notifier_delayed_queue:owner(Q) =:= Name end,
                         notifier_delayed_queue:list()).

remove_locked(Name) ->
    ok = notifier_delayed_holds:remove_plain(notifier_delayed_names:unrouted_queue(Name)),
    [rabbit_exchange:delete(Helper, false, ?USER)
     || Helper <- notifier_delayed_names:exchanges(Name)].

bind(Source, Destination) ->
    rabbit_binding:add(#binding{source = Source, destination = Destination, key = <<>>, args = []},
                       ?USER).

alternate_bindings(#exchange{name = Name} = X, AlternateX) ->
    case rabbit_policy:get_arg(?ALTERNATE, ?ALTERNATE, X) of
        undefined ->
            [];
        Alternate ->
            Theirs = rabbit_misc:r(Name, exchange, Alternate),
            [#binding{source = AlternateX, destination = Theirs, key = <<>>, args = []}
             || rabbit_exchange:exists(Theirs)]
    end.

%% Gives Source exactly these bindings.
become(Source, Wanted) ->
    Have = rabbit_binding:list_for_source(Source),
    [rabbit_binding:add(B, ?USER) || B <- Wanted -- Have],
    [rabbit_binding:remove(B, ?USER) || B <- Have -- Wanted],
    ok.

%% Brings the companion in line with what has become of these bindings. It asks instead of
%% believing its caller: of two callbacks for the same binding the later may be the older.
-spec mirror([rabbit_types:binding()]) -> ok.
mirror([]) ->
    ok;
mirror([#binding{source = Name} | _] = Bindings) ->
    locked(Name, fun () -> [mirror_locked(B) || B <- Bindings], ok end).

mirror_locked(#binding{source = Name} = B) ->
    Mirrored = B#binding{source = notifier_delayed_names:companion(Name)},
    case rabbit_binding:exists(B) of
        true -> rabbit_binding:add(Mirrored, ?USER);
        _ -> rabbit_binding:remove(Mirrored, ?USER)
    end.

locked(#resource{} = Name, Fun) ->
    global:trans({{?MODULE, Name}, self()}, Fun).

%%--------------------------------------------------------------------------------------------
%% Routing.

%% Where the delegated type sends a message at once.
-spec now(rabbit_types:exchange(), notifier_delayed_broker:message(), map()) ->
          {ok, [Destination :: term()]}.
now(#exchange{name = Name} = X, Message, Options) ->
    {ok, Companion} = find_or_build(Name, notifier_delayed_names:companion(Name)),
    Module = notifier_delayed_checks:delegate(X),
    {ok, notifier_delayed_broker:route(Module, Companion, Message, Options)}.

%% It is missing for a moment when another channel declares X just now.
find_or_build(Name, Companion) ->
    case rabbit_exchange:lookup(Companion) of
        {ok, _} = Found ->
            Found;
        {error, not_found} ->
            ok = ensure(Name),
            rabbit_exchange:lookup(Companion)
    end.

%% For the dead-letter path: whatever goes wrong, the answer is a queue that exists and no
%% exception, because one there would stop dead-lettering on the whole node.
-spec or_unrouted(rabbit_types:r(exchange), fun (() -> {ok, [Name]} | refusal())) -> [Name]
              when Name :: rabbit_types:r(queue | exchange).
or_unrouted(X, Route) ->
    try Route() of
        {ok, Destinations} -> Destinations;
        {refused, Why, Args} -> unrouted(X, io_lib:format(Why, Args))
    catch
        Class:Reason -> unrouted(X, io_lib:format("~p:~0p", [Class, Reason]))
    end.

unrouted(X, Why) ->
    ?LOG_WARNING("x-delayed-message: to ~s.unrouted: ~ts", [X#resource.name, Why]),
    [notifier_delayed_names:unrouted_queue(X)].

%%--------------------------------------------------------------------------------------------
%% The process repairs.

-spec repair_all() -> ok.
repair_all() ->
    gen_server:call(?MODULE, repair_all, infinity).

init([]) ->
    {ok, _} = timer:send_interval(?REPAIR_EVERY_MS, repair_all),
    {ok, _} = timer:send_interval(?REGISTER_EVERY_MS, register),
    {ok, repairing}.

handle_call(repair_all, _From, State) ->
    ok = repair(),
    {reply, ok, State};
handle_call(remove_stages, _From, _State) ->
    ok = remove_all_stages(),
    {reply, ok, stopping}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info(_Timer, stopping) ->
    {noreply, stopping};
handle_info(repair_all, State) ->
    ok = repair(),
    {noreply, State};
handle_info(register, State) ->
    ok = notifier_delayed_exchange:ensure_registered(),
    {noreply, State}.

repair() ->
    [attempt(Name, fun () -> ensure(Name) end)
     || #exchange{name = Name, type = 'x-delayed-message'} <- rabbit_exchange:list()],
    restore_stages().

%% One exchange that cannot be repaired, for want of a majority say, must not keep the others or
%% the broker from starting.
attempt(Name, Fun) ->
    try
        ok = Fun()
    catch
        Class:Reason ->
            ?LOG_ERROR("x-delayed-message: ~s not repaired: ~p:~0p",
                       [rabbit_misc:rs(Name), Class, Reason])
    end.
