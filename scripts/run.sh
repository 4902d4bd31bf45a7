#!/usr/bin/env bash
# Starts a server that stays, with a seeded reseller, customer and consent, and
# prints what to try. Ctrl-C ends it; the data stays in ./countersign-data.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$1" && pwd)
work=$(pwd)/countersign-data
mkdir -p "$work"
PORT=${PORT:-8080}
server=
# shellcheck source=common.sh
. "$here/common.sh"
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true' EXIT
export COUNTERSIGN_DEV=1
start_server

seed=$work/seed.env
if [ ! -f "$seed" ]; then
	reseller=$("$bin/countersignd" admin partner create --kind direct_reseller --name "Northwind Devices" --output json | json id)
	tenant=$("$bin/countersignd" admin tenant create --name "Fabrikam" --domain fabrikam.example --output json | json id)
	"$bin/countersignd" admin tenant sign-in set "$tenant" --dev >/dev/null
	read -r reseller_id reseller_secret <<<"$(new_client --partner "$reseller" "warehouse")"
	read -r it_id it_secret <<<"$(new_client --tenant "$tenant" "IT automation" --can-decide)"
	(umask 077 && cat >"$seed" <<SEED
export COUNTERSIGN_URL=$COUNTERSIGN_URL
export TENANT=$tenant
as_reseller() { export COUNTERSIGN_CLIENT_ID=$reseller_id COUNTERSIGN_CLIENT_SECRET=$reseller_secret; }
as_customer() { export COUNTERSIGN_CLIENT_ID=$it_id COUNTERSIGN_CLIENT_SECRET=$it_secret; }
SEED
	)
fi

cat <<TRY
Countersign is running.
  API        $COUNTERSIGN_URL/v1
  API pages  $COUNTERSIGN_URL/docs
  portal     $COUNTERSIGN_URL/portal/  organisation fabrikam.example; pick a person, no password is asked
  log        $work/server.log

In another terminal, in this folder:
  . $seed && export PATH="$bin:\$PATH"
  as_reseller; countersign consent request \$TENANT --purpose "trying it" --scope devices.register
  as_customer; countersign consent list --state pending; countersign consent grant ID
  as_reseller; countersign hash fake --count 20 --seed 1 --as csv --out devices.csv
  countersign submit devices.csv --tenant \$TENANT --batch first

Once somebody has signed in as an administrator the customer speaks for itself: the client
of as_customer may then no longer decide, and consents are granted at the portal.

Ctrl-C stops the server.
TRY
wait "$server"
