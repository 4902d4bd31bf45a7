# Shared by demo.sh and run.sh: start a server on the embedded default and make
# the people of the story. Sourced, not run.

# json NAME reads the value of one member from a JSON object on standard input.
json() { sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p' | head -n 1; }

# start_server starts countersignd on a free port of this machine in the directory $work.
start_server() {
	export COUNTERSIGN_DATA_DIR=$work/data
	export COUNTERSIGN_LISTEN=127.0.0.1:${PORT:-$(free_port)}
	export COUNTERSIGN_URL=http://$COUNTERSIGN_LISTEN
	"$bin/countersignd" serve >"$work/server.log" 2>&1 &
	server=$!
	for _ in $(seq 1 150); do
		if ready; then return 0; fi
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	echo "the server did not start:" >&2
	cat "$work/server.log" >&2
	return 1
}

# ready asks the server's readiness probe.
ready() {
	local status
	{
		exec 3<>"/dev/tcp/${COUNTERSIGN_LISTEN%:*}/${COUNTERSIGN_LISTEN##*:}" &&
			printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && read -r status <&3 && exec 3>&-
	} 2>/dev/null && [[ $status == *" 200 "* ]]
}

# free_port finds a port of this machine nobody listens on.
free_port() {
	for port in $(seq 18080 18180); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return 0
		fi
	done
	echo "no free port between 18080 and 18180" >&2
	return 1
}

# new_client OWNER-FLAG ID NAME [FLAG…] makes a client and prints "id secret".
new_client() {
	local made
	made=$("$bin/countersignd" admin client create "$1" "$2" --name "$3" "${@:4}" --output json)
	echo "$(json clientId <<<"$made") $(json clientSecret <<<"$made")"
}
