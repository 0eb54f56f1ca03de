"""#3777: concurrent ingest."""

from dataclasses import replace

from batchsim.batch.policies.pr3766 import PR3766

PR3777 = replace(
    PR3766,
    name="pr3777",
    summary="#3777: #3766 with concurrent ingest: the endpoint handles up to ten items at once.",
    ingest_concurrency=10,
)
