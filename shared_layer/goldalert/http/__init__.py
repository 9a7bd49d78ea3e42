"""HTTP behind API Gateway: routing, the caller, problem+json, paging, idempotency, health."""
