# Installs the system packages that are missing, where there is a right to. Sourced by ./run.

# need_packages GROUP…: build (headers), sqlite (its shell), postgres (a server, unless there is one), server (a server's programs), pooler.
need_packages() {
    command -v swift >/dev/null || fail "there is no Swift toolchain: see https://www.swift.org/install (6.2 or newer)"
    missing=
    for group; do
        case $group in
            build)
                has_header libpq-fe.h libpq || missing="$missing libpq-dev"
                has_header sqlite3.h sqlite3 || missing="$missing libsqlite3-dev"
                command -v pkg-config >/dev/null || missing="$missing pkg-config"
                ;;
            sqlite) command -v sqlite3 >/dev/null || missing="$missing sqlite3" ;;
            postgres)
                if [ -z "${PERDURE_TEST_POSTGRES:-}" ] && ! postgres_programs >/dev/null; then missing="$missing postgresql"; fi
                command -v psql >/dev/null || missing="$missing postgresql-client"
                ;;
            server) postgres_programs >/dev/null || missing="$missing postgresql" ;;
            pooler) command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer" ;;
        esac
    done
    [ -z "$missing" ] || install_packages $missing
}

# Where pkg-config knows the library its header is found; without pkg-config, in the usual place.
has_header() {
    if command -v pkg-config >/dev/null; then pkg-config --exists "$2"; else [ -e "/usr/include/$1" ] || [ -e "/usr/include/postgresql/$1" ]; fi
}

install_packages() {
    command="apt-get update && apt-get install -y --no-install-recommends $*"
    command -v apt-get >/dev/null || fail "missing: $*. This is no Debian or Ubuntu: install what these packages have there"
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo=sudo
    else
        fail "missing system packages, and no right to install them. Run this as root, then try again:

    $command"
    fi
    echo "Installing $*" >&2
    { $sudo apt-get -qq update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } >&2 ||
        fail "the packages could not be installed. What was tried:

    $command"
}

fail() {
    echo "run: $1" >&2
    exit 1
}
