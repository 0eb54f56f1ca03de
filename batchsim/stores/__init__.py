"""Ready-made operations over stores, named as their clients name them: `await redis.incr("done")`.

Each is one step. What has to be one step together (a script, a transaction) is a class of one's own: see
`batchsim.model.operation.Operation`.
"""

from batchsim.model.operation import reserve

READY_MADE: tuple[str, ...] = (
    *(
        f"redis.{verb}"
        for verb in (
            *("get", "mget", "set", "getset", "getdel", "incr", "decr", "exists", "delete"),
            *("pexpire", "persist", "expired"),
            *("sadd", "srem", "scard", "sismember", "smembers"),
            *("lpush", "rpush", "lpop", "rpop", "blpop", "brpop", "timeout", "llen", "lrange", "lrem"),
            *("lmove", "rpoplpush"),
            *("zadd", "zrem", "zcard", "zscore", "zrange", "zrangebyscore", "zpopmin"),
            *("hset", "hget", "hgetall", "hdel", "hexists", "hlen", "hincrby"),
        )
    ),
    *(f"postgres.{verb}" for verb in ("select", "select_many", "insert", "update", "delete")),
    *(f"queue.{verb}" for verb in ("send", "receive", "delete", "release", "extend", "timeout")),
    *(
        f"http.{verb}"
        for verb in (
            *("send", "request", "serve", "respond", "response"),
            *("receive", "start_timeout", "timeout"),
        )
    ),
)
"""The names under which a scenario can give their latencies, and faults befall them."""
reserve(READY_MADE)
WAITS: tuple[str, ...] = (
    *("redis.expired", "redis.timeout", "queue.timeout", "http.request", "http.response", "http.timeout"),
)
"""Those of them that are waits rather than round trips."""
