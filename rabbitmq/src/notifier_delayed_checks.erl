%% SPDX-License-Identifier: Apache-2.0
%%
%% What must be true before a delayed exchange is declared, and how to tell what belongs to it.

-module(notifier_delayed_checks).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([check/1, delegate/1, delegated_type/1, owner_arg/1, owners/1, is_owner/2]).

%% An argument of the exchanges around a delayed exchange, with the name of the latter.
-define(OWNER, <<"x-delayed-message-of">>).

-type refusal() :: {refused, string(), [term()]}.

-spec check(rabbit_types:exchange()) -> ok | refusal().
check(#exchange{name = Name} = X) ->
    first_refusal([fun () -> check_type(X) end,
                   fun () -> check_length(Name) end,
                   fun () -> check_names(Name) end,
                   fun () -> check_queue(Name) end,
                   fun () -> check_broker(Name) end]).

first_refusal([]) -> ok;
first_refusal([Check | Checks]) ->
    case Check() of
        ok -> first_refusal(Checks);
        Refusal -> Refusal
    end.

check_type(#exchange{name = Name, arguments = Args} = X) ->
    case rabbit_misc:table_lookup(Args, <<"x-delayed-type">>) of
        {longstr, Type} ->
            case find_module(Type) of
                {ok, Module} -> Module:validate(X);
                error -> {refused, "~s: x-delayed-type '~s' is no exchange type to delegate to",
                          [rabbit_misc:rs(Name), Type]}
            end;
        _ ->
            {refused, "~s: argument x-delayed-type is missing; it names the type that routes when "
             "a message is due, such as direct", [rabbit_misc:rs(Name)]}
    end.

check_length(#resource{name = Name} = X) ->
    Max = notifier_delayed_names:max_base(),
    case byte_size(Name) =< Max of
        true -> ok;
        false -> {refused, "~s: the name of a delayed exchange has at most ~b bytes",
                  [rabbit_misc:rs(X), Max]}
    end.

check_names(Name) ->
    case [Taken || Taken <- notifier_delayed_names:exchanges(Name), is_foreign(Taken, Name)] of
        [] -> ok;
        [Taken | _] -> {refused, "~s needs ~s, which exists and belongs to something else",
                        [rabbit_misc:rs(Name), rabbit_misc:rs(Taken)]}
    end.

check_queue(Name) ->
    Queue = notifier_delayed_names:unrouted_queue(Name),
    case notifier_delayed_queue:is_foreign(Queue) of
        false -> ok;
        true -> {refused, "~s needs ~s, which exists and belongs to something else",
                 [rabbit_misc:rs(Name), rabbit_misc:rs(Queue)]}
    end.

is_foreign(Helper, Owner) ->
    case rabbit_exchange:lookup(Helper) of
        {ok, X} -> not is_owner(Owner, X);
        {error, not_found} -> false
    end.

check_broker(Name) ->
    case notifier_delayed_broker:has_at_least_once() of
        true -> ok;
        false -> {refused, "~s: at-least-once dead-lettering needs the feature flag stream_queue; "
                  "run rabbitmqctl enable_feature_flag stream_queue", [rabbit_misc:rs(Name)]}
    end.

find_module(Type) ->
    case rabbit_registry:binary_to_type(Type) of
        {error, not_found} -> error;
        Atom -> case rabbit_registry:lookup_module(exchange, Atom) of
                    {ok, notifier_delayed_exchange} -> error;
                    {ok, notifier_delayed_stage} -> error;
                    {ok, Module} -> {ok, Module};
                    {error, not_found} -> error
                end
    end.

%% The module of the type that the exchange delegates to.
-spec delegate(rabbit_types:exchange()) -> module().
delegate(X) ->
    {ok, Module} = find_module(type_name(X)),
    Module.

-spec delegated_type(rabbit_types:exchange()) -> rabbit_exchange:type().
delegated_type(X) ->
    rabbit_registry:binary_to_type(type_name(X)).

type_name(#exchange{arguments = Args}) ->
    {longstr, Type} = rabbit_misc:table_lookup(Args, <<"x-delayed-type">>),
    Type.

-spec owner_arg(rabbit_types:r(exchange)) -> {binary(), longstr, binary()}.
owner_arg(#resource{name = Owner}) ->
    {?OWNER, longstr, Owner}.

%% The delayed exchange that an exchange belongs to, if it does.
-spec owners(rabbit_types:exchange()) -> [rabbit_types:r(exchange)].
owners(#exchange{name = Name, arguments = Args}) ->
    case rabbit_misc:table_lookup(Args, ?OWNER) of
        {longstr, Owner} -> [Name#resource{name = Owner}];
        _ -> []
    end.

-spec is_owner(rabbit_types:r(exchange), rabbit_types:exchange()) -> boolean().
is_owner(Owner, X) ->
    owners(X) =:= [Owner].
