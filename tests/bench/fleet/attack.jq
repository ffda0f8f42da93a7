# The attack of a truth.json as lines HOST PID FIRST_RECORD LAST_RECORD; PID 0: of any process.
(.attack_processes[] | "\(.host) \(.pid) \(.first_serial) \(.last_serial)"),
(.critical_events[], .entry | "\(.host) 0 \(.serial) \(.serial)")
