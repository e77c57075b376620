UPDATE sessions
SET seen_at = now()
WHERE token = $1
