%% SPDX-License-Identifier: Apache-2.0
%%
%% The type of `x.stage`, the dead-letter exchange of the hold queues whose messages have digits
%% of their delay left. It only ever runs on the dead-letter path, so it raises nothing: what it
%% cannot place goes to `x.unrouted`.

-module(notifier_delayed_stage).

-behaviour(rabbit_exchange_type).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([description/0, serialise_events/0, route/2, route/3, validate/1, validate_binding/2,
         create/2, delete/2, delete/3, policy_changed/2, add_binding/3, remove_bindings/3,
         assert_args_equivalence/2, info/1, info/2]).

-rabbit_boot_step({?MODULE,
                   [{description, "exchange type x-delayed-message-stage"},
                    {mfa, {rabbit_registry, register,
                           [exchange, <<"x-delayed-message-stage">>, ?MODULE]}},
                    {cleanup, {rabbit_registry, unregister,
                               [exchange, <<"x-delayed-message-stage">>]}},
                    {requires, rabbit_registry},
                    {enables, kernel_ready}]}).

description() ->
    [{description, <<"Internal part of x-delayed-message; not to be declared by clients">>}].

serialise_events() -> false.

route(X, Message) -> route(X, Message, #{}).

route(#exchange{name = Name}, Message, _Options) ->
    X = notifier_delayed_names:base(Name),
    notifier_delayed_routes:or_unrouted(X, fun () -> next_or_later(X, Message) end).

%% While the plugin starts, stops or restarts one of its processes there may be nobody to make a hold
%% queue. What goes nowhere stays where it is, and RabbitMQ tries it again seconds later.
next_or_later(X, Message) ->
    try next(X, Message)
    catch
        exit:{_, {gen_server, call, _}} -> {ok, []}
    end.

next(X, Message) ->
    Queue = notifier_delayed_broker:last_death(Message),
    case {notifier_delayed_message:delay(Message), notifier_delayed_names:hold_value(X, Queue)} of
        {{ms, Ms}, Served} when is_integer(Served) ->
            case notifier_delayed_names:left_after(Served, Ms) of
                0 -> {ok, [notifier_delayed_names:companion(X)]};
                Left -> notifier_delayed_holds:route(X, Left, Message)
            end;
        _ ->
            {refused, "~p is no hold queue of ~s, or the message has lost its x-delay",
             [Queue, rabbit_misc:rs(X)]}
    end.

%% Nobody but the delayed exchange itself has a use for a stage, and it makes it internal.
validate(#exchange{name = Name, internal = true}) ->
    case notifier_delayed_names:base(Name) of
        undefined -> not_for_clients(Name);
        _ -> ok
    end;
validate(#exchange{name = Name}) ->
    not_for_clients(Name).

not_for_clients(Name) ->
    rabbit_misc:protocol_error(precondition_failed,
                               "~s: x-delayed-message-stage is internal, declare x-delayed-message",
                               [rabbit_misc:rs(Name)]).

validate_binding(_X, _Binding) -> ok.
create(_Serial, _X) -> ok.
delete(_Serial, _X) -> ok.
delete(_Serial, _X, _Bindings) -> ok.
policy_changed(_Old, _New) -> ok.
add_binding(_Serial, _X, _Binding) -> ok.
remove_bindings(_Serial, _X, _Bindings) -> ok.
assert_args_equivalence(X, Args) -> rabbit_exchange:assert_args_equivalence(X, Args).
info(_X) -> [].
info(_X, _Items) -> [].
