#!/bin/sh
# Replaces the nodes of docker-compose.distributed.yml one by one by new containers: of the image, .env and secrets as they are now.
#
#   sh deploy/compose/roll.sh [--nodes <count>] [--wait <seconds>] [--dry-run]
#
#   --nodes    how many there shall be in the end (as many as there are); after an interrupted run, as many as there were
#   --wait     how long a new node may take to become healthy (120)
#   --dry-run  say what would be done, and do nothing
#
# Each round starts one new node, waits until it is healthy, has nginx look the nodes up, and only then stops an old one, which
# drains within its stop_grace_period; then nginx looks again, since the address of a stopped container answers nobody. So there
# is one node more than usual meanwhile, never one less. The first node that does not become healthy is shown and taken away,
# and nothing more is touched: put back what was changed and run this again, or mend it and run this again.
#
# `docker compose up` alone would not do: it replaces all nodes at once, and with --no-recreate scales down by the newest.
set -eu

nodes=
limit=120
dry=

fail() {
  echo "roll.sh: $*" >&2
  exit 1
}

is_count() {
  case "$1" in
    '' | *[!0-9]* | 0*) return 1 ;;
  esac
}

while [ $# -gt 0 ]; do
  case "$1" in
    --nodes | --wait)
      is_count "${2:-}" || fail "$1 wants a number from 1 on"
      if [ "$1" = --nodes ]; then nodes=$2; else limit=$2; fi
      shift 2
      ;;
    --dry-run)
      dry=yes
      shift
      ;;
    *) fail "there is no $1; what there is: --nodes <count>, --wait <seconds>, --dry-run" ;;
  esac
done

cd "$(dirname "$0")/../.."
COMPOSE_FILE=${COMPOSE_FILE:-docker-compose.distributed.yml}
export COMPOSE_FILE

# A new container that nginx does not know yet: it goes again, whatever ends this script.
pending=
finished=
end() {
  code=$?
  trap - EXIT
  if [ -n "$pending" ]; then
    echo "roll.sh: the new node $pending is taken away again; its last words:" >&2
    docker logs --tail 20 "$pending" >&2 || true
    { docker stop "$pending" && docker rm "$pending"; } >/dev/null || echo "roll.sh: it could not be: docker rm --force $pending" >&2
  fi
  if [ -z "$finished" ]; then echo "roll.sh: stopped before the end; when the cause is mended, run it again with --nodes $nodes" >&2; fi
  exit "$code"
}

# Stopped containers count too, as they do for --scale.
list() {
  docker compose ps --all --quiet kirogate
}

change() {
  if [ -n "$dry" ]; then echo "would run: $*"; else "$@"; fi
}

reload() {
  change docker compose exec -T nginx nginx -s reload || fail 'nginx did not reload: it goes on with the nodes that it knew'
}

wait_until_healthy() {
  waited=0
  until
    state=$(docker inspect --format '{{.RestartCount}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1")
    [ "$state" = '0 running healthy' ]
  do
    case "$state" in
      '0 running '* | '0 created '*) ;;
      *) fail "the new node $1 ended by itself" ;;
    esac
    [ "$waited" -lt "$limit" ] || fail "the new node $1 was not healthy within $limit s"
    sleep 1
    waited=$((waited + 1))
  done
}

add_one() {
  before=$(list)
  started=yes
  change docker compose up --detach --no-deps --no-recreate --scale "kirogate=$((have + 1))" kirogate || started=
  if [ -z "$dry" ]; then
    for one in $(list); do
      case "$before" in
        *"$one"*) ;;
        *) pending=$one ;;
      esac
    done
    [ -n "$started" ] || fail 'no new node could be started'
    [ -n "$pending" ] || fail 'docker compose started no new node'
    wait_until_healthy "$pending"
  else
    echo "would wait until it is healthy, for $limit s at most"
  fi
  reload
  pending=
  have=$((have + 1))
}

# Without --time, so that the container's own stop_grace_period counts.
retire() {
  change docker stop "$1" || fail "the node $1 could not be stopped"
  change docker rm "$1" || fail "the node $1 could not be removed"
  have=$((have - 1))
  reload
}

old=$(list)
[ -n "$old" ] || fail "no node is there to replace; start all with: docker compose -f $COMPOSE_FILE up --detach --wait"
have=$(echo "$old" | wc -l)
have=$((have))
nodes=${nodes:-$have}
# What nginx would refuse at the first reload it refuses now, before anything has changed.
docker compose exec -T nginx nginx -t -q || fail 'nginx is not running or refuses its configuration; nothing was changed'

trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for former in $old; do
  if [ "$have" -le "$nodes" ]; then add_one; fi
  retire "$former"
done
while [ "$have" -lt "$nodes" ]; do add_one; done

finished=yes
echo "roll.sh: done, $have nodes${dry:+ (nothing was changed)}"
