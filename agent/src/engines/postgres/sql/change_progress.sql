SELECT /* querysmith */
    p.phase AS phase,
    p.lockers_total AS lockers_total,
    p.lockers_done AS lockers_done,
    p.current_locker_pid AS current_locker,
    p.blocks_total AS blocks_total,
    p.blocks_done AS blocks_done,
    p.tuples_total AS tuples_total,
    p.tuples_done AS tuples_done
FROM pg_catalog.pg_stat_progress_create_index AS p
WHERE p.pid = $1
