<?php

// php produce.php TIER [TIER ...]: declare the tiers' queues, publish each line of the input to the
// first of them.

declare(strict_types=1);

require __DIR__ . '/shop.php';

$tiers = array_slice($argv, 1);
$connection = connect();
$channel = $connection->channel();
$channel->confirm_select();
declare_exchange($channel);
foreach ($tiers as $tier) {
    declare_queue($channel, $tier);
    bind($channel, $tier);
}
while (($line = fgets(STDIN)) !== false) {
    publish($channel, $tiers[0], rtrim($line, "\n"));
}
$channel->wait_for_pending_acks(60);
$channel->close();
$connection->close();
