<?php

// What the programs of a PHP shop share: its names, its connection, what it declares and publishes.

declare(strict_types=1);

require 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

date_default_timezone_set('Asia/Shanghai');

const TIERS = ['1', '3', '5', '15', '30'];

function setting(string $name): string
{
    return getenv("SHOP_$name") ?: throw new RuntimeException("SHOP_$name is not set");
}

function connect(): AMQPStreamConnection
{
    $at = parse_url(setting('AMQP_URL'));
    $vhost = urldecode(substr($at['path'] ?? '/', 1)) ?: '/';
    $password = urldecode($at['pass'] ?? 'guest');
    return new AMQPStreamConnection(
        $at['host'], $at['port'] ?? 5672, urldecode($at['user'] ?? 'guest'), $password, $vhost, true
    );
}

function queue_of(string $tier): string
{
    return setting('QUEUE_PREFIX') . $tier;
}

function declare_exchange(AMQPChannel $channel): void
{
    $channel->exchange_declare(
        setting('EXCHANGE'), 'x-delayed-message', false, true, false, false, false,
        new AMQPTable(['x-delayed-type' => 'topic'])
    );
}

function declare_queue(AMQPChannel $channel, string $tier): void
{
    $channel->queue_declare(queue_of($tier), false, true, false, false);
}

function bind(AMQPChannel $channel, string $tier): void
{
    $channel->queue_bind(queue_of($tier), setting('EXCHANGE'), queue_of($tier));
}

/** Not persistent, and mandatory: as it is usually written. */
function publish(AMQPChannel $channel, string $tier, string $body): void
{
    $delay_ms = (int) ((float) $tier * (int) setting('MS_PER_S'));
    $headers = new AMQPTable(['x-delay' => $delay_ms]);
    $message = new AMQPMessage($body, ['application_headers' => $headers]);
    $channel->basic_publish($message, setting('EXCHANGE'), queue_of($tier), true);
}
