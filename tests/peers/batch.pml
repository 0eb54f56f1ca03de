/*
 * The protocol of batchsim without faults, as a SPIN model: it follows protocol.md, and shares no code with batchsim.
 *
 * Every process is an automaton. `at` names the numbered step of protocol.md that it takes next; each
 * numbered step is one `d_step`, and nothing else is one. What follows from a step without touching a
 * store (a check of the row just read, the answer of the handler) belongs to that step. A local variable
 * goes back to 0 when it is no longer needed, so that it tells no states apart.
 *
 * Given on the command line: ITEMS, CONSUMERS, one of PRE3427, PR3427_COUNT_ONLY, PR3427, PR3766 and, where
 * wanted, PRE_FAILED, REJECTED and EXPIRES (bit i set: item i is of that kind), JOBS (job workers: one more than
 * there are items of kind ok or expires), AND_WAIT (the call is batchTriggerAndWait), SCHEDULES (no two schedules meet in
 * a state), TWINS_SORTED (states in which twins have only changed places are one).
 */

#ifndef PRE_FAILED
#define PRE_FAILED 0
#endif
#ifndef REJECTED
#define REJECTED 0
#endif
#ifndef EXPIRES
#define EXPIRES 0
#endif
#define HAS(items, item) (((items) >> (item)) & 1)
#define ADD(items, item) items = items | (1 << (item))
#define ALL_ITEMS ((1 << ITEMS) - 1)
#define SIZE(items) \
    (HAS(items, 0) + HAS(items, 1) + HAS(items, 2) + HAS(items, 3) + HAS(items, 4) + HAS(items, 5) + HAS(items, 6))

/* -- 2. Stores ----------------------------------------------------------------------------------- */

/* Redis. A set is a mask of its items (7 at most); an empty set, list or integer is an absent key. */
bit meta = 1;             /* set in phase 1 (3.1.1), and never again */
byte enqueued_items;
byte processed_items;
byte processed;
byte runs;
byte failures;            /* how many records the list has: nobody reads more */
chan queue = [ITEMS] of { byte };   /* a push beyond ITEMS would stop the search with an error */

/* Postgres: the batch row as phase 1 inserts it, the run rows, the waitpoint. */
#define PENDING        0
#define PROCESSING     1
#define COMPLETED      2
#define PARTIAL_FAILED 3
#define ABORTED        4
byte status = PENDING;
bit sealed;
bit processing_completed;
byte successful_run_count;   /* null counts as 0 (3.4.1), and nobody else reads the counts */
byte failed_run_count;

byte run_rows;            /* a mask of the items that have one */
byte final_runs;          /* and of those whose run is final */

#ifdef AND_WAIT
/* A run waitpoint is completed with its run, and each row has its block edge: without faults nothing falls between. */
bit waitpoint_completed;
#endif

/* The completion job of the batch: scheduling it again while it waits changes nothing (3.5). */
bit completion_job;

/* The network. Without faults the handler has ended when its answer is delivered, and only then can the next
   request be sent. So there is at most one of either, and one process can be every handler in turn. */
#define SEALED     1      /* 200, sealed: true */
#define NOT_SEALED 2      /* 200, sealed: false */
#define E422       3
#define E500       4
bit request = 1;          /* the request of attempt 1 is sent at the start */
byte answer;

/* What the call ended in: its last answer (0: it has not returned), and how many attempts were made. */
byte call_ended;
byte attempt = 1;
#ifdef AND_WAIT
bit resumed;
byte results;             /* how many the parent got, by place: of all rows that there are then */
#endif

#ifdef SCHEDULES
/* Two sums over the steps taken so far: two schedules are in no state alike, so each is gone through. */
int sum_a, sum_b;
#define STEPPED \
    sum_a = (sum_a * 2003 + _pid * 16 + at + 1) % 1000003; \
    sum_b = (sum_b * 1999 + _pid * 16 + at + 7) % 1000037
#else
#define STEPPED skip
#endif

/* -- 3.5 Twins: consumers, job workers -------------------------------------------------------------- */

#ifdef TWINS_SORTED
/* What a twin knows is in a global array, which is sorted after each of its steps: the places of a process
   are then interchangeable. Those that wait (`at` is 0) come first. */
typedef Consumer { byte at; byte item; byte runs_read; byte failures_read };
typedef Job { byte at };
Consumer consumers[CONSUMERS];
Job jobs[JOBS];
c_code {
    static void sort(void *twins, int count, int size) {
        char *first = twins, kept[8];
        for (int sorted = 1; sorted < count; sorted++) {
            int place = sorted;
            memcpy(kept, first + sorted * size, size);
            for (; place && memcmp(kept, first + (place - 1) * size, size) < 0; place--)
                memcpy(first + place * size, first + (place - 1) * size, size);
            memcpy(first + place * size, kept, size);
        }
    }
};
#define FIRST_IDLE_CONSUMER (me == 0)
#define FIRST_IDLE_JOB (me == 0)
#define WAITS(idle) skip
#define GOES_ON(idle) skip
#define CONSUMER_STEPPED c_code { sort(now.consumers, CONSUMERS, sizeof now.consumers[0]); }
#define JOB_STEPPED c_code { sort(now.jobs, JOBS, sizeof now.jobs[0]); }
#else
/* Of the idle twins, which are interchangeable, the first one in a mask steps for all. */
byte idle_consumers = (1 << CONSUMERS) - 1;
byte idle_jobs = (1 << JOBS) - 1;
#define IS_FIRST(idle) ((idle & ((2 << me) - 1)) == (1 << me))
#define FIRST_IDLE_CONSUMER IS_FIRST(idle_consumers)
#define FIRST_IDLE_JOB IS_FIRST(idle_jobs)
#define WAITS(idle) idle = idle | (1 << me)
#define GOES_ON(idle) idle = idle & ~(1 << me)
#define CONSUMER_STEPPED STEPPED
#define JOB_STEPPED STEPPED
#endif

/* -- 4. Policies ----------------------------------------------------------------------------------- */

#ifdef PR3766
#define DONE ( \
    status == PROCESSING || status == COMPLETED || status == PARTIAL_FAILED || \
    (status == PENDING && (sealed || processing_completed)))
#define ENTRY_IS_OK     (DONE)
#define ENTRY_IS_422    (status != PENDING)
#define MISMATCH_IS_OK  (DONE)
#define MISMATCH_IS_422 (status == ABORTED)
#define LOST_SEAL_IS_OK (DONE)
#else
#define ENTRY_IS_OK     (false)
#define ENTRY_IS_422    (sealed || status != PENDING)
#define MISMATCH_IS_422 (false)
#endif

#ifdef PRE3427
#define MISMATCH_IS_OK  (sealed)
#define LOST_SEAL_IS_OK (sealed && status == PROCESSING)
#endif

#ifdef PR3427_COUNT_ONLY
#define MISMATCH_IS_OK  (sealed || status == COMPLETED)
#define LOST_SEAL_IS_OK (sealed && status == PROCESSING)
#endif

#ifdef PR3427
#define MISMATCH_IS_OK  (sealed || status == COMPLETED)
#define LOST_SEAL_IS_OK ((sealed && status == PROCESSING) || status == COMPLETED)
#endif

/* -- 3.1 Parent run and SDK: phase 1 is done --------------------------------------------------------- */

#define MAX_ATTEMPTS 5
#define DELIVER 0
#define BACKOFF 1
#define RETURNED 2

proctype sdk() {
    byte at = DELIVER;
    do
    :: d_step {                                         /* 2. http.deliver */
        at == DELIVER && answer ->
        if
        :: attempt < MAX_ATTEMPTS && (answer == NOT_SEALED || answer == E500) -> at = BACKOFF
        :: else -> at = RETURNED; call_ended = answer
        fi;
        answer = 0;
        STEPPED
    }
    :: d_step {                                         /* sdk.backoff; sending is no step of its own */
        at == BACKOFF ->
        attempt++;
        request = 1;
        at = DELIVER;
        STEPPED
    }
    od
}

#ifdef AND_WAIT
#define WAIT 0
#define RESUMED 1

proctype parent() {
    byte at = WAIT;
    do
    :: d_step {                                         /* parent.resume */
        at == WAIT && call_ended == SEALED && waitpoint_completed && run_rows == final_runs ->
        at = RESUMED;
        resumed = 1;
        results = SIZE(run_rows);
        STEPPED
    }
    od
}
#endif

/* -- 3.2 Endpoint ---------------------------------------------------------------------------------- */

#define READ_ON_ENTRY 0
#define GET_META 1
#define MARK_ENQUEUED 2
#define PUSH 3
#define COUNT 4
#define READ_ON_MISMATCH 5
#define SEAL 6
#define READ_ON_LOST_SEAL 7

#define ANSWER(what) answer = what; item = 0; at = READ_ON_ENTRY
#define NEXT_ITEM \
    item++; \
    if \
    :: item < ITEMS -> at = GET_META \
    :: else -> item = 0; at = COUNT \
    fi

proctype handler() {
    byte at = READ_ON_ENTRY, item;
    do
    :: d_step {                                         /* 1. entry check */
        at == READ_ON_ENTRY && request ->
        request = 0;
        if
        :: ENTRY_IS_OK -> ANSWER(SEALED)
        :: !ENTRY_IS_OK && ENTRY_IS_422 -> ANSWER(E422)
        :: else -> at = GET_META
        fi;
        STEPPED
    }
    :: d_step {                                         /* 2b (2a: payloads are small) */
        at == GET_META ->
        if
        :: meta -> at = MARK_ENQUEUED
        :: else -> ANSWER(E500)
        fi;
        STEPPED
    }
    :: d_step {                                         /* 2c */
        at == MARK_ENQUEUED ->
        if
        :: HAS(enqueued_items, item) -> NEXT_ITEM
        :: else -> ADD(enqueued_items, item); at = PUSH
        fi;
        STEPPED
    }
    :: d_step {                                         /* 2d */
        at == PUSH ->
        queue!item;
        NEXT_ITEM;
        STEPPED
    }
    :: d_step {                                         /* 3: only the whole set has ITEMS members */
        at == COUNT ->
        if
        :: enqueued_items == ALL_ITEMS -> at = SEAL
        :: else -> at = READ_ON_MISMATCH
        fi;
        STEPPED
    }
    :: d_step {                                         /* 4. count-mismatch check */
        at == READ_ON_MISMATCH ->
        if
        :: MISMATCH_IS_OK -> ANSWER(SEALED)
        :: !MISMATCH_IS_OK && MISMATCH_IS_422 -> ANSWER(E422)
        :: else -> ANSWER(NOT_SEALED)
        fi;
        STEPPED
    }
    :: d_step {                                         /* 5 */
        at == SEAL ->
        if
        :: !sealed && status == PENDING -> sealed = 1; status = PROCESSING; ANSWER(SEALED)
        :: else -> at = READ_ON_LOST_SEAL
        fi;
        STEPPED
    }
    :: d_step {                                         /* 6. seal-lost check */
        at == READ_ON_LOST_SEAL ->
        if
        :: LOST_SEAL_IS_OK -> ANSWER(SEALED)
        :: else -> ANSWER(E422)
        fi;
        STEPPED
    }
    od
}

/* -- 3.3 Consumers --------------------------------------------------------------------------------- */

#define TAKE 0
/* GET_META: as above */
#define PROCESS 2
#define RECORD 3
#define READ_BOTH 4
#define READ_RUNS 5
#define READ_FAILURES 6
#define UPDATE 7
#define SCHEDULE 8
#define CLEANUP 9

#define NEXT_MESSAGE item = 0; at = TAKE; WAITS(idle_consumers)

proctype consumer(byte me) {
#ifdef TWINS_SORTED
#define at consumers[me].at
#define item consumers[me].item
#define runs_read consumers[me].runs_read
#define failures_read consumers[me].failures_read
#else
    byte at = TAKE, item, runs_read, failures_read;
#endif
    do
    :: d_step {                                         /* 1 */
        at == TAKE && FIRST_IDLE_CONSUMER && nempty(queue) ->
        queue?item;
        GOES_ON(idle_consumers);
        at = GET_META;
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 2; absent: dropped */
        at == GET_META ->
        if
        :: !meta -> NEXT_MESSAGE
        :: else -> at = PROCESS
        fi;
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 3: the run row */
        at == PROCESS ->
        if
        :: HAS(REJECTED, item) -> skip                  /* answered "rejected": inserts nothing */
        :: HAS(PRE_FAILED, item) -> ADD(run_rows, item); ADD(final_runs, item)
        :: else -> ADD(run_rows, item)
        fi;
        at = RECORD;
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 4 and 5: record, complete; 6: was it the last? */
        at == RECORD ->
        if
        :: HAS(processed_items, item) -> skip
        :: else ->
            ADD(processed_items, item);
            processed++;
            if
            :: HAS(REJECTED, item) -> failures++
            :: else -> ADD(runs, item)
            fi
        fi;
        if
        :: processed == ITEMS -> item = 0; at = READ_BOTH
        :: else -> NEXT_MESSAGE
        fi;
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 6a, before or after 6b */
        at == READ_BOTH || at == READ_RUNS ->
        runs_read = SIZE(runs);
        at = (at == READ_BOTH -> READ_FAILURES : UPDATE);
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 6b */
        at == READ_BOTH || at == READ_FAILURES ->
        failures_read = failures;
        at = (at == READ_BOTH -> READ_RUNS : UPDATE);
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 6c */
        at == UPDATE ->
        at = SCHEDULE;
        if
        :: failures_read && !runs_read -> status = ABORTED; at = CLEANUP
        :: failures_read && runs_read -> status = PARTIAL_FAILED
        :: else -> status = PENDING
        fi;
        successful_run_count = runs_read;
        failed_run_count = failures_read;
        processing_completed = 1;
        runs_read = 0;
        failures_read = 0;
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 6d: unless ABORTED */
        at == SCHEDULE ->
        completion_job = 1;
        at = CLEANUP;
        CONSUMER_STEPPED
    }
    :: d_step {                                         /* 6e */
        at == CLEANUP ->
        meta = 0;
        enqueued_items = 0;
        processed_items = 0;
        processed = 0;
        runs = 0;
        failures = 0;
        NEXT_MESSAGE;
        CONSUMER_STEPPED
    }
    od
}
#undef at
#undef item
#undef runs_read
#undef failures_read

/* -- 3.5 Child runs -------------------------------------------------------------------------------- */

#define EXECUTE 0
#define SCHEDULE_COMPLETION 1
#define ENDED 2

proctype child_run(byte item) {
    byte at = EXECUTE;
    do
    :: d_step {                                         /* 1 */
        at == EXECUTE && HAS(run_rows, item) ->
        ADD(final_runs, item);
        at = (HAS(EXPIRES, item) -> ENDED : SCHEDULE_COMPLETION);   /* one that expires asks for nothing */
        STEPPED
    }
    :: d_step {                                         /* 2 */
        at == SCHEDULE_COMPLETION ->
        completion_job = 1;
        at = ENDED;
        STEPPED
    }
    od
}

/* -- 3.4 Try-complete, and 3.5: the workers that pick its job up ---------------------------------------- */

#define TAKE_JOB 0
#define READ_ROW 1
#define FIND_RUNS 2
#define SET_COMPLETED 3
#define READ_WAITPOINT 4
#define COMPLETE_WAITPOINT 5

#define NEXT_JOB at = TAKE_JOB; WAITS(idle_jobs)

proctype job(byte me) {
#ifdef TWINS_SORTED
#define at jobs[me].at
#else
    byte at = TAKE_JOB;
#endif
    do
    :: d_step {                                         /* 3.5: picking it up */
        at == TAKE_JOB && FIRST_IDLE_JOB && completion_job ->
        completion_job = 0;
        GOES_ON(idle_jobs);
        at = READ_ROW;
        JOB_STEPPED
    }
    :: d_step {                                         /* 3.4.1 */
        at == READ_ROW ->
        if
        :: status == COMPLETED || successful_run_count + failed_run_count < ITEMS -> NEXT_JOB
        :: else -> at = FIND_RUNS
        fi;
        JOB_STEPPED
    }
    :: d_step {                                         /* 3.4.2 */
        at == FIND_RUNS ->
        if
        :: run_rows != final_runs -> NEXT_JOB
        :: else -> at = SET_COMPLETED
        fi;
        JOB_STEPPED
    }
    :: d_step {                                         /* 3.4.3, unconditionally */
        at == SET_COMPLETED ->
        status = COMPLETED;
#ifdef AND_WAIT
        at = READ_WAITPOINT;
#else
        NEXT_JOB;
#endif
        JOB_STEPPED
    }
#ifdef AND_WAIT
    :: d_step {                                         /* 3.4.4 */
        at == READ_WAITPOINT ->
        if
        :: waitpoint_completed -> NEXT_JOB
        :: else -> at = COMPLETE_WAITPOINT
        fi;
        JOB_STEPPED
    }
    :: d_step {                                         /* 3.4.5 */
        at == COMPLETE_WAITPOINT ->
        waitpoint_completed = 1;
        NEXT_JOB;
        JOB_STEPPED
    }
#endif
    od
}
#undef at

/* -- Who takes part, and what it came to ------------------------------------------------------------ */

c_code {
    /* The last answer, whether the wait is over, attempts, the row, how many runs, which keys are left. */
    static void print_outcome(void) {
        int wait_is_over = 1;                           /* an index without a result never resolves */
#ifdef AND_WAIT
        wait_is_over = now.resumed && now.results == ITEMS;
#endif
        printf("OUTCOME %d %d %d %d %d %d %d %d%d%d%d%d%d\n",
            now.call_ended, wait_is_over, now.attempt,
            now.status, now.sealed, now.processing_completed, __builtin_popcount(now.run_rows),
            now.meta, now.enqueued_items != 0, now.processed_items != 0,
            now.processed != 0, now.runs != 0, now.failures != 0);
    }
};

init {
    byte number;
    atomic {
        run sdk();
#ifdef AND_WAIT
        run parent();
#endif
        run handler();
        do
        :: number < CONSUMERS -> run consumer(number); number++
        :: else -> number = 0; break
        od;
        do
        :: number < ITEMS && !HAS(PRE_FAILED | REJECTED, number) -> run child_run(number); number++
        :: number < ITEMS && HAS(PRE_FAILED | REJECTED, number) -> number++
        :: else -> number = 0; break
        od;
        do
        :: number < JOBS -> run job(number); number++
        :: else -> number = 0; break
        od
    }
    atomic {                                            /* quiescence: nobody else can move */
        timeout ->
        assert(empty(queue) && !completion_job);        /* and not for want of a worker */
        c_code { print_outcome(); }
    }
}
