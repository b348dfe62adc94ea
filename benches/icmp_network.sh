#!/bin/sh
# ICMP between two network namespaces on the lab's wire, and on the loopback: a
# thin line, silent targets, the truth of the round trip times, false loss.
# Needs root, iproute2, nftables, tcpdump, python3, fping and a built binary.
#
#   TRAMGAC=target/release/tramgac benches/icmp_network.sh thin|dead|rtt|loss [alone|fping|hogs]
#
# thin: 500 targets x 5 behind 512 kbit/s, 60 ms, 3 % loss, a queue of 50 packets, default pace.
# dead: 10,000 targets, 3,000 of them silent, at 10,000 requests a second and 500 ms: the wall
#       time of one round, and how far the healthy ones' requests move in three rounds.
# rtt:  2,046 targets behind 20 ms at 1,000 a second, beside a capture on the sender's interface.
# loss: 100,000 targets x 5 on the loopback, as fast as it goes: every loss is false.
# The second word: what else the machine does meanwhile, a looping fping or two CPU hogs.
set -e
T=${TRAMGAC:-target/release/tramgac}
W=$(mktemp -d)
A=tgbench-a$$
B=tgbench-b$$
busy=
wire=
tidy() {
    for p in $busy $wire; do kill "$p" 2>/dev/null || :; done
    ip netns del $A
    ip netns del $B
    rm -r "$W"
}
trap tidy EXIT
ip netns add $A
ip netns add $B
ip -n $A link set lo up
ip -n $B link set lo up

# Joins both ends by a wire with these options: 10.79.0.1 and 10.79.0.2; 10.80.0.0/16 is at the far end.
join() {
    "$T" lab wire $A $B "$@" >"$W/wire" &
    wire=$!
    until ip -n $B link show wire0 >/dev/null 2>&1; do sleep 0.1; done
    for n in $A $B; do ip -n $n link set wire0 up; done
    ip -n $A addr add 10.79.0.1/24 dev wire0
    ip -n $B addr add 10.79.0.2/24 dev wire0
    ip -n $A route add 10.80.0.0/16 via 10.79.0.2
    ip -n $B route add local 10.80.0.0/16 dev lo
}
# Takes the wire away; what it did to packets lies in $W/wire then.
part() {
    kill $wire
    wait $wire || :
    wire=
}
# ping ends with 1 where somebody does not answer.
ping() { ip netns exec $A "$T" ping -q --format csv "$@" >"$W/csv" || [ $? = 1 ]; }
capture() {
    ip netns exec $A tcpdump -i wire0 -n -tt --time-stamp-precision=nano -B 65536 -s 64 -U -w "$W/cap" icmp 2>/dev/null &
    tcpdump=$!
    until [ -s "$W/cap" ]; do sleep 0.1; done
}
captured() {
    sleep 1
    kill $tcpdump
    wait $tcpdump || :
    tcpdump -r "$W/cap" -n -tt --time-stamp-precision=nano 2>/dev/null >"$W/packets"
}
case ${2:-alone} in
hogs)
    for n in 1 2; do
        sh -c 'while :; do :; done' &
        busy="$busy $!"
    done
    ;;
fping)
    # Its replies are in the same namespace as ours.
    ip netns exec $A sh -c 'while :; do fping -q -C 1 -i 0 -g 127.200.0.0/18 >/dev/null 2>&1 || :; done' &
    busy=$!
    ;;
esac
case $1 in
thin)
    join --delay 60ms --loss 3% --rate 512kbit --queue 50 --only there --seed "${SEED:-1}"
    capture
    ping -c 5 -p 1s $(seq -f 10.80.0.%g 1 250) $(seq -f 10.80.1.%g 1 250)
    captured
    part
    python3 - "$W/csv" "$W/wire" "$W/packets" <<'END'
import csv, json, re, sys
rows = list(csv.DictReader(open(sys.argv[1])))
there = json.load(open(sys.argv[2]))["there"]
sent, received = (sum(int(r[k]) for r in rows) for k in ("sent", "received"))
bad = sum(int(r["sent"]) - int(r["received"]) >= 4 for r in rows)
print(f"sent {sent}, seen lost {sent - received} ({100 * (sent - received) / sent:.2f} %)")
print(f"lost on the wire {there['lost']} ({100 * there['lost'] / sent:.2f} %), in our own queue {there['overflowed']}")
asked, times = {}, []
for line in open(sys.argv[3]):
    m = re.match(r"([0-9.]+) IP (\S+) > (\S+): ICMP echo (request|reply), id (\d+), seq (\d+)", line)
    if m and m[4] == "request":
        asked[m[3], m[5], m[6]] = float(m[1])
    elif m and (m[2], m[5], m[6]) in asked:
        times.append((float(m[1]) - asked[m[2], m[5], m[6]]) * 1e3)
times.sort()
print(f"round trips on the wire: {len(times)}; alone on it 61.3 ms; p50 {times[len(times) // 2]:.1f}, p99 {times[int(len(times) * 0.99)]:.1f} ms")
print(f"targets with 4 of 5 lost: {bad}")
END
    ;;
dead)
    join
    ip netns exec $B nft "add table ip t; add chain ip t i { type filter hook prerouting priority 0; }; \
        add rule ip t i ip daddr 10.80.100.0-10.80.111.183 drop"
    seq 0 9999 | awk '{ n = $1; if (n < 7000) m = n; else m = n - 7000 + 25600
        printf "10.80.%d.%d\n", m / 256, m % 256 }' >"$W/list"
    start=$(date +%s.%N)
    ping -c 1 -t 500ms --max-rate 10000 --subnet-rate 0 --yes -f "$W/list"
    echo "$start $(date +%s.%N)" | awk '{ printf "one round: %.2f s (ideal: 1.50)\n", $2 - $1 }'
    awk -F, 'NR > 1 { if ($4 > 0) a++; else d++ } END { print a " answer, " d " are silent" }' "$W/csv"
    capture
    ping -c 4 -p 1s -t 500ms --max-rate 12000 --subnet-rate 0 --yes -f "$W/list"
    captured
    awk '$0 ~ /echo request/ { split($5, d, ":"); t = d[1]; split(t, o, ".")
            if (o[3] < 100) { if (t in at) print ($1 - at[t] > 1 ? $1 - at[t] - 1 : 1 - $1 + at[t]) * 100; at[t] = $1 } }' "$W/packets" |
        sort -n | awk '{ e[NR] = $1 } END { printf "%d intervals of healthy targets of 1 s: moved by p50 %.2f %%, p99 %.2f %%, most %.2f %%\n",
            NR, e[int(NR / 2) + 1], e[int(NR * 0.99) + 1], e[NR] }'
    ;;
rtt)
    join --delay 10ms
    capture
    ping -c 1 --max-rate 1000 --subnet-rate 0 --yes 10.80.0.0/21
    captured
    sed -n 's/^[0-9]*\([0-9]\{4\}\)\.\([0-9]*\) IP \([^ ]*\) > \([^ :]*\): ICMP echo \(re[a-z]*\),.*/\1\2 \3 \4 \5/p' "$W/packets" |
        awk '$4 == "request" { at[$3] = $1 } $4 == "reply" && $2 in at { printf "%s %.0f\n", $2, $1 - at[$2] }' >"$W/truth"
    awk -F'[, ]' 'NR == FNR { truth[$1] = $2; next }
        $2 in truth && $8 != "" { e = $8 * 1e9 - truth[$2]; print (e < 0 ? -e : e) / 1000 }' "$W/truth" "$W/csv" |
        sort -n | awk '{ e[NR] = $1 } END { printf "%d round trips; error p50 %.1f, p99 %.1f, max %.1f us\n", NR, e[int(NR / 2) + 1], e[int(NR * 0.99) + 1], e[NR] }'
    ;;
loss)
    seq 0 99999 | awk '{ n = $1 + 1; printf "127.%d.%d.%d\n", 1 + n / 65536, n / 256 % 256, n % 256 }' >"$W/list"
    ping -c 5 -p 100ms -t 1s --max-rate 200000 --subnet-rate 0 --yes -f "$W/list"
    awk -F, 'NR > 1 { s += $3; r += $4; l += $5 } END { printf "sent %d, lost %d, late %d\n", s, s - r, l }' "$W/csv"
    ;;
*)
    echo "thin, dead, rtt or loss?" >&2
    exit 2
    ;;
esac
