%% SPDX-License-Identifier: Apache-2.0
%%
%% The exchange type `x-delayed-message`.
%%
%% A message that has nothing to wait for is routed as the type in `x-delayed-type` routes it; any
%% other is routed to a hold queue.
%%
%% Series of RabbitMQ call the callbacks differently, so some are here with two arities. Up to 3.12
%% they run a second time inside a Mnesia transaction (Serial = transaction), where nothing may have
%% a side effect.

-module(notifier_delayed_exchange).

-behaviour(rabbit_exchange_type).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([register/0, ensure_registered/0]).
-export([description/0, serialise_events/0, route/2, route/3, validate/1, validate_binding/2,
         create/2, delete/2, delete/3, policy_changed/2, add_binding/3, remove_bindings/3,
         assert_args_equivalence/2, info/1, info/2]).

-define(TYPE, <<"x-delayed-message">>).

-rabbit_boot_step({?MODULE,
                   [{description, "exchange type x-delayed-message"},
                    {mfa, {rabbit_registry, register, [exchange, ?TYPE, ?MODULE]}},
                    {cleanup, {rabbit_registry, unregister, [exchange, ?TYPE]}},
                    {requires, rabbit_registry},
                    {enables, kernel_ready}]}).

%% Takes the type back from RabbitMQ's own plugin. That may run beside this one for as long as it
%% holds messages; it registers the type when it starts, and unregisters it when it is disabled.
-spec ensure_registered() -> ok.
ensure_registered() ->
    case rabbit_registry:lookup_module(exchange, 'x-delayed-message') of
        {ok, ?MODULE} -> ok;
        _ -> register()
    end.

-spec register() -> ok.
register() ->
    ok = rabbit_registry:register(exchange, ?TYPE, ?MODULE),
    %% RabbitMQ 4 remembers how a type routes, or that it is unknown, for as long as the node runs.
    [persistent_term:erase(Type) || Type <- ['x-delayed-message', 'x-delayed-message-stage']],
    ok.

description() ->
    [{description, <<"Routes a message when the milliseconds in its x-delay header have passed">>}].

serialise_events() -> false.

route(X, Message) -> route(X, Message, #{}).

route(#exchange{name = Name} = X, Message, Options) ->
    case notifier_delayed_message:from_client() of
        true ->
            case destinations(X, Message, Options) of
                {ok, Destinations} -> Destinations;
                {refused, Why, Args} -> refuse(Why, Args)
            end;
        false ->
            notifier_delayed_routes:or_unrouted(
              Name, fun () -> destinations(X, Message, Options) end)
    end.

destinations(#exchange{name = Name} = X, Message, Options) ->
    case notifier_delayed_message:delay(Message) of
        now ->
            notifier_delayed_routes:now(X, Message, Options);
        too_long ->
            {refused, "x-delay of a message to ~s is longer than 4294967295 ms",
             [rabbit_misc:rs(Name)]};
        {ms, Ms} ->
            case notifier_delayed_broker:expires(Message) of
                true ->
                    {refused, "a message to ~s has both x-delay and expiration: "
                     "it could expire before it is due; send one of them", [rabbit_misc:rs(Name)]};
                false ->
                    notifier_delayed_holds:route(Name, Ms, Message)
            end
    end.

validate(X) ->
    case notifier_delayed_checks:check(X) of
        ok -> ok;
        {refused, Why, Args} -> refuse(Why, Args)
    end.

validate_binding(X, Binding) ->
    (notifier_delayed_checks:delegate(X)):validate_binding(X, Binding).

create(transaction, _X) -> ok;
create(_Serial, #exchange{name = Name}) -> ensure(Name).

%% The companion keeps its bindings: what is still held is routed by them.
delete(_Serial, _X) -> ok.

delete(_Serial, _X, _Bindings) -> ok.

policy_changed(_Old, #exchange{name = Name}) -> ensure(Name).

ensure(Name) -> outside_transaction(fun () -> notifier_delayed_routes:ensure(Name) end).

add_binding(transaction, _X, _Binding) -> ok;
add_binding(_Serial, _X, Binding) ->
    outside_transaction(fun () -> notifier_delayed_routes:mirror([Binding]) end).

remove_bindings(transaction, _X, _Bindings) -> ok;
remove_bindings(_Serial, _X, Bindings) ->
    outside_transaction(fun () -> notifier_delayed_routes:mirror(Bindings) end).

%% Core compares the alternate exchange only.
assert_args_equivalence(#exchange{name = Name, arguments = Args}, Required) ->
    rabbit_misc:assert_args_equivalence(Args, Required, Name,
                                        [<<"alternate-exchange">>, <<"x-delayed-type">>]).

info(X) -> info(X, [messages_delayed]).

%% The item has the name that RabbitMQ's plugin gave it.
info(#exchange{name = Name}, Items) ->
    [{messages_delayed, notifier_delayed_queue:held(Name)}
     || lists:member(messages_delayed, Items), is_outside_transaction()].

%% While the broker boots there is nothing to do, see notifier_delayed_app; and what a caller
%% wraps in a transaction of its own is repaired within seconds.
outside_transaction(Fun) ->
    case is_outside_transaction() of
        true -> Fun();
        false -> ok
    end.

is_outside_transaction() ->
    notifier_delayed_app:is_up() andalso not notifier_delayed_broker:in_transaction().

-spec refuse(string(), [term()]) -> no_return().
refuse(Why, Args) ->
    rabbit_misc:protocol_error(precondition_failed, Why, Args).
