#!/usr/bin/env bash
# Plays the main job on real input, with public commands only, on the embedded
# default. Ends by itself; exit 0 means that every step did what it says.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$1" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-demo.XXXXXX")
server=
# shellcheck source=common.sh
. "$here/common.sh"
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true; rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
	printf '$'
	for word in "$@"; do
		if [[ $word == *[!A-Za-z0-9_./=-]* ]]; then printf ' "%s"' "$word"; else printf ' %s' "$word"; fi
	done
	printf '\n'
	"$bin/$1" "${@:2}"
}

# expect CODE COMMAND… runs a command that must end with this exit code.
expect() {
	local want=$1 got=0
	shift
	show "$@" || got=$?
	[ "$got" -eq "$want" ] || { echo "demo: exit code $got, expected $want" >&2; exit 1; }
	[ "$want" -eq 0 ] || echo "(exit code $got)"
}

# be_client ID SECRET speaks as a client from now on.
be_client() { export COUNTERSIGN_CLIENT_ID=$1 COUNTERSIGN_CLIENT_SECRET=$2; }

say "1. A server on embedded SQLite, nothing else"
start_server
echo "countersignd serve    → $COUNTERSIGN_URL"

say "2. The operator lets an OEM, a reseller and a customer in"
oem=$("$bin/countersignd" admin partner create --kind oem --name "Fjordtek AS" --output json | json id)
reseller=$("$bin/countersignd" admin partner create --kind direct_reseller --name "Northwind Devices" --output json | json id)
tenant=$("$bin/countersignd" admin tenant create --name "Fabrikam" --domain fabrikam.example --output json | json id)
read -r oem_id oem_secret <<<"$(new_client --partner "$oem" "plant 1")"
read -r reseller_id reseller_secret <<<"$(new_client --partner "$reseller" "warehouse")"
read -r it_id it_secret <<<"$(new_client --tenant "$tenant" "IT automation" --can-decide)"
show countersignd admin partner list

say "3. A delivery: the published sample hash and nine invented neighbours"
"$bin/countersign" hash fake --count 9 --seed 42 --as csv --out delivery.csv
printf ',,%s,,\n' "$(tr -d '\n' <"$here/demo/published-sample-hash.txt")" >>delivery.csv
echo "delivery.csv: $(($(wc -l <delivery.csv) - 1)) devices"

say "4. Without the customer's consent nothing is accepted"
be_client "$reseller_id" "$reseller_secret"
expect 4 countersign submit delivery.csv --tenant "$tenant" --batch "Spring delivery"

say "5. The reseller asks, the customer grants"
request=$("$bin/countersign" consent request "$tenant" --purpose "Roll-out of 10 notebooks" --scope devices.register --scope devices.remove --output json | json id)
be_client "$it_id" "$it_secret"
show countersign consent list --state pending
grant=$("$bin/countersign" consent grant "$request" --output json | json id)

say "6. Now the same command registers the delivery"
be_client "$reseller_id" "$reseller_secret"
expect 0 countersign submit delivery.csv --tenant "$tenant" --batch "Spring delivery"

say "7. The same devices once more change nothing"
cp delivery.csv again.csv
expect 0 countersign submit again.csv --tenant "$tenant" --batch "Second try"

say "8. A device captured again by another tool is the same device, and the rules say why"
sed -n 2p delivery.csv | cut -d, -f3 >first.txt
echo "(the second capture is made up by hash fake --repair recapture; no other machine was at hand)"
show countersign hash fake --repair recapture --seed 5 --as csv --out recapture.csv first.txt
sed -n 2p recapture.csv | cut -d, -f3 >second.txt
expect 0 countersign hash diff first.txt second.txt
expect 0 countersign submit recapture.csv --tenant "$tenant" --batch "Captured again"
grep -o '806,ZtdDeviceAlreadyAssigned,.*' recapture.result.csv

say "9. A factory reports what it built, as its line writes it; the hashes stay here"
be_client "$oem_id" "$oem_secret"
"$bin/countersign" hash fake --count 4 --seed 44 --as oa3 --out line7 2>/dev/null
expect 0 countersign report line7
keys=$(sed -n 's/.*<ProductKeyID>\([0-9]*\)<.*/\1/p' line7/*.xml)
{ echo "Windows Product ID" && echo "$keys"; } >boxes.csv

say "10. The OEM has no consent of this customer; the reseller needs only what is printed on the box"
expect 4 countersign submit boxes.csv --tenant "$tenant" --batch "Factory"
be_client "$reseller_id" "$reseller_secret"
expect 0 countersign submit boxes.csv --tenant "$tenant" --batch "Boxes"

say "11. The customer revokes; the next submission is refused"
be_client "$it_id" "$it_secret"
expect 0 countersign consent revoke "$grant" --reason "contract ended"
be_client "$reseller_id" "$reseller_secret"
"$bin/countersign" hash fake --count 1 --seed 43 --as csv --out late.csv
expect 4 countersign submit late.csv --tenant "$tenant" --batch "Too late"

say "Done. Everything above also runs on PostgreSQL; see README."
