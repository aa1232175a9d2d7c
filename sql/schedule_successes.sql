-- name: note_success
INSERT INTO schedule_successes (schedule) VALUES (:schedule)
ON CONFLICT (schedule) DO UPDATE SET succeeded_at = now()

-- name: ages
SELECT schedule, extract(epoch FROM now() - succeeded_at)::double precision FROM schedule_successes
