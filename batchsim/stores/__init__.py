"""Ready-made operations over stores, named as their clients name them: `await redis.incr("done")`.

Each is one step. What has to be one step together (a script, a transaction) is a class of one's own: see
`batchsim.model.operation.Operation`.
"""

READY_MADE: tuple[str, ...] = (
    *(
        f"redis.{verb}"
        for verb in (
            *("get", "set", "incr", "decr", "exists", "delete"),
            *("sadd", "srem", "scard", "sismember", "smembers"),
            *("lpush", "rpush", "lpop", "rpop", "blpop", "brpop", "llen", "lrange"),
            *("zadd", "zrem", "zcard", "zrange", "zpopmin"),
            *("hset", "hget", "hgetall"),
        )
    ),
    *("postgres.select", "postgres.insert", "postgres.update"),
)
"""The names under which a scenario can give their latencies, and faults befall them."""
