<?php

// php consume.php TIER: take what comes, acked by being delivered, write it down, and pass it on to
// the next tier.

declare(strict_types=1);

require __DIR__ . '/shop.php';

$tier = $argv[1];
$channel = connect()->channel();
declare_queue($channel, $tier);
$take = function ($message) use ($channel, $tier): void {
    $line = sprintf(" [%s] Received %s ---> %s\n", $tier, $message->body, date('Y-m-d H:i:s'));
    file_put_contents(setting('LOG') . "/$tier.txt", $line, FILE_APPEND | LOCK_EX);
    $place = array_search($tier, TIERS, true);
    if ($place !== false && isset(TIERS[$place + 1])) {
        publish($channel, TIERS[$place + 1], $message->body);
    }
};
$channel->basic_consume(queue_of($tier), queue_of($tier), false, true, false, false, $take);
while ($channel->is_consuming()) {
    $channel->wait();
}
