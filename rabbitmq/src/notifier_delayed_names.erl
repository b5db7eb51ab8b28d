%% SPDX-License-Identifier: Apache-2.0
%%
%% The names that one delayed exchange owns, and the arithmetic in them. For an exchange `x`:
%%
%%   x.companion          built-in type, carries x's bindings, routes what has waited long enough
%%   x.stage              routes what has digits left to its next hold queue
%%   x.hold.<ms>          hold queue, dead-letters to x.stage
%%   x.final.<ms>         hold queue of the last hop, dead-letters to x.companion
%%   x.hold.<ms>.<n>      twin of a hold queue that the message has already been through
%%   x.alternate          takes what x.companion could not route; bound to x's alternate exchange
%%   x.unrouted           exchange and queue for what x.alternate could not route either

-module(notifier_delayed_names).

-include_lib("rabbit_common/include/rabbit.hrl").

-export([companion/1, stage/1, alternate/1, unrouted/1, unrouted_queue/1, exchanges/1, base/1,
         owner/1, max_base/0]).
-export([hops/1, left_after/2, hold_queue/3, hold_value/2]).

-export_type([hop/0]).

-type exchange() :: rabbit_types:r(exchange).
-type queue() :: rabbit_types:r(queue).
%% A stop on the way: which kind of hold queue, and its TTL in milliseconds.
-type hop() :: {hold | final, pos_integer()}.

-spec companion(exchange()) -> exchange().
companion(X) -> sibling(X, <<".companion">>).

-spec stage(exchange()) -> exchange().
stage(X) -> sibling(X, <<".stage">>).

-spec alternate(exchange()) -> exchange().
alternate(X) -> sibling(X, <<".alternate">>).

-spec unrouted(exchange()) -> exchange().
unrouted(X) -> sibling(X, <<".unrouted">>).

-spec unrouted_queue(exchange()) -> queue().
unrouted_queue(X) -> (unrouted(X))#resource{kind = queue}.

%% All exchanges around a delayed exchange.
-spec exchanges(exchange()) -> [exchange()].
exchanges(X) -> [unrouted(X), alternate(X), stage(X), companion(X)].

%% The delayed exchange that a stage belongs to.
-spec base(exchange()) -> exchange() | undefined.
base(Stage) -> without(Stage, <<".stage">>).

%% The delayed exchange that a hold queue belongs to, given where that dead-letters to.
-spec owner(exchange()) -> exchange() | undefined.
owner(Target) ->
    case without(Target, <<".companion">>) of
        undefined -> base(Target);
        Owner -> Owner
    end.

without(#resource{name = Name} = X, Suffix) ->
    Size = byte_size(Name) - byte_size(Suffix),
    case Name of
        <<Base:Size/binary, Suffix/binary>> when Size > 0 -> X#resource{name = Base};
        _ -> undefined
    end.

%% AMQP names have at most 255 bytes, and the longest suffix is that of a twin.
-spec max_base() -> pos_integer().
max_base() ->
    255 - byte_size(<<".final.4200000000.9">>).

sibling(#resource{name = Name} = X, Suffix) ->
    X#resource{name = <<Name/binary, Suffix/binary>>}.

%% The stops of a delay: its two leading decimal digits, then those of the rest. A queue holds
%% one length of time only, so no message waits behind one that is due later, and there are at
%% most 819 lengths.
-spec hops(pos_integer()) -> [hop()].
hops(Ms) ->
    Left = left_after(Ms, Ms),
    case Left of
        0 -> [{final, Ms}];
        _ -> [{hold, Ms - Left} | hops(Left)]
    end.

%% What is left of a delay after the hop that served Served, given the whole delay.
-spec left_after(pos_integer(), pos_integer()) -> non_neg_integer().
left_after(Served, Ms) ->
    Ms rem unit(Served).

unit(Ms) when Ms < 100 -> 1;
unit(Ms) -> 10 * unit(Ms div 10).

-spec hold_queue(exchange(), hop(), pos_integer()) -> queue().
hold_queue(X, {Kind, Ms}, Twin) ->
    Suffix = case Twin of
                 1 -> [];
                 _ -> [$., integer_to_binary(Twin)]
             end,
    Name = iolist_to_binary([X#resource.name, $., atom_to_binary(Kind), $.,
                             integer_to_binary(Ms), Suffix]),
    X#resource{kind = queue, name = Name}.

%% The milliseconds in the name of one of X's queues of kind `hold`.
-spec hold_value(exchange(), binary()) -> pos_integer() | undefined.
hold_value(#resource{name = Base}, Queue) ->
    Prefix = <<Base/binary, ".hold.">>,
    Size = byte_size(Prefix),
    case Queue of
        <<Prefix:Size/binary, Rest/binary>> ->
            try binary_to_integer(hd(binary:split(Rest, <<".">>))) of
                Ms when Ms > 0 -> Ms;
                _ -> undefined
            catch error:badarg -> undefined
            end;
        _ ->
            undefined
    end.
