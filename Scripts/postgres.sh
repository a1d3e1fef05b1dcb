# A private Postgres in a temporary folder. Sourced by ./run.

# The folder of initdb and pg_ctl: the newest of Debian's, else what is in the path.
postgres_programs() {
    for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -rn); do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then echo "$folder"; return; fi
    done
    command -v initdb >/dev/null && dirname "$(command -v initdb)"
}

# Sets PERDURE_TEST_POSTGRES to the URL of a server of our own, which is removed when this shell ends.
start_postgres() {
    if [ -n "${PERDURE_TEST_POSTGRES:-}" ]; then return; fi
    pg_bin=$(postgres_programs)
    # Not TMPDIR: the path of a socket may have a hundred characters.
    pg_folder=$(mktemp -d /tmp/perdure-XXXXXX)
    trap stop_postgres EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
    password=$(random_hex)
    echo "$password" >"$pg_folder/password"
    # Connections are made by the thousand, and SCRAM takes ten milliseconds of both sides for each: MD5 keeps other users out as well.
    # The server refuses to run as root.
    if [ "$(id -u)" = 0 ]; then
        pg_user=nobody
        ! id postgres >/dev/null 2>&1 || pg_user=postgres
        chown -R "$pg_user" "$pg_folder"
    fi
    as_postgres "$pg_bin/initdb" -D "$pg_folder/data" -U perdure -E UTF8 --locale=C.UTF-8 --auth=md5 \
        --pwfile="$pg_folder/password" >"$pg_folder/initdb.log" 2>&1 || { cat "$pg_folder/initdb.log" >&2; fail "initdb failed"; }
    cat >>"$pg_folder/data/postgresql.conf" <<END
unix_socket_directories = '$pg_folder'
listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = ${pg_buffers:-256MB}
max_wal_size = 4GB
${pg_settings:-}
END
    tries=0
    # A port that is taken is noticed by the server itself.
    until pg_port=$((20000 + 0x$(random_hex | cut -c 1-4) % 30000)) &&
        as_postgres "$pg_bin/pg_ctl" -D "$pg_folder/data" -o "-p $pg_port" -l "$pg_folder/log" -w -s start >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 10 ] || { cat "$pg_folder/log" >&2; fail "the private Postgres does not start"; }
    done
    # Tests need not tidy up there.
    export PERDURE_TEST_PRIVATE=1
    export PERDURE_TEST_POSTGRES="postgresql://perdure:$password@127.0.0.1:$pg_port/postgres"
    # The same server by its socket, as a service beside its database would reach it.
    pg_socket_url="postgresql://perdure:$password@/postgres?host=$pg_folder&port=$pg_port"
}

stop_postgres() {
    status=$?
    trap - EXIT
    # What still runs beside the tests ends with them.
    [ -z "${background:-}" ] || kill "$background" 2>/dev/null || true
    as_postgres "$pg_bin/pg_ctl" -D "$pg_folder/data" -m immediate -w -s stop >/dev/null 2>&1 || true
    rm -rf "$pg_folder"
    exit "$status"
}

# In the folder itself: the user may not be able to enter the one that we are in.
as_postgres() (
    cd "$pg_folder"
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid="$pg_user" --regid="$(id -g "$pg_user")" --clear-groups "$@"
    fi
    exec "$@"
)

random_hex() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
