#!/bin/sh
# ICMP between two network namespaces: a thin line, silent targets, the truth of
# the round trip times. Needs root, iproute2, nftables, tcpdump and a built binary.
#
#   TRAMGAC=target/release/tramgac benches/icmp_network.sh thin|dead|rtt
#
# thin: 500 targets x 5 behind 512 kbit/s (a queue of 50 packets) and 3 % loss, default pace.
# dead: 10,000 targets, 3,000 of them silent, at 10,000 requests a second and 500 ms.
# rtt:  2,046 targets at 1,000 requests a second beside a capture on the sender's interface.
set -e
T=${TRAMGAC:-target/release/tramgac}
W=$(mktemp -d)
A=tgbench-a$$
B=tgbench-b$$
trap 'ip netns del $A; ip netns del $B; rm -r "$W"' EXIT
ip netns add $A
ip netns add $B
ip link add v0 netns $A type veth peer name v0 netns $B
ip -n $A addr add 10.79.0.1/24 dev v0
ip -n $B addr add 10.79.0.2/24 dev v0
for n in $A $B; do
    ip -n $n link set lo up
    ip -n $n link set v0 up
done
ip -n $A route add 10.80.0.0/16 via 10.79.0.2
ip -n $B route add local 10.80.0.0/16 dev lo
hook="add table ip t; add chain ip t i { type filter hook prerouting priority 0; }"
# ping ends with 1 where somebody does not answer.
ping() { ip netns exec $A "$T" ping -q --format csv "$@" >"$W/csv" || [ $? = 1 ]; }
case $1 in
thin)
    ip netns exec $B nft "$hook; add rule ip t i icmp type echo-request numgen random mod 1000 < 30 counter drop"
    ip netns exec $A tc qdisc add dev v0 root tbf rate 512kbit burst 1600 limit 4900
    ping -c 5 -p 1s $(seq -f 10.80.0.%g 1 250) $(seq -f 10.80.1.%g 1 250)
    awk -F, 'NR > 1 { s += $3; r += $4; if ($3 - $4 >= 4) b++ }
        END { printf "sent %d, lost %d, targets with 4 of 5 lost %d\n", s, s - r, b }' "$W/csv"
    ip netns exec $B nft list chain ip t i | grep -o "packets [0-9]*" | sed "s/^/lost on the way: /"
    ip netns exec $A tc -s qdisc show dev v0 | grep -o "dropped [0-9]*" | sed "s/^/lost in our own queue: /"
    ;;
dead)
    ip netns exec $B nft "$hook; add rule ip t i ip daddr 10.80.100.0-10.80.111.183 drop"
    seq 0 9999 | awk '{ n = $1; if (n < 7000) m = n; else m = n - 7000 + 25600
        printf "10.80.%d.%d\n", m / 256, m % 256 }' >"$W/list"
    start=$(date +%s.%N)
    ping -c 1 -t 500ms --max-rate 10000 --subnet-rate 0 --yes -f "$W/list"
    echo "$start $(date +%s.%N)" | awk '{ printf "%.2f s (ideal: 1.50)\n", $2 - $1 }'
    awk -F, 'NR > 1 { if ($4 > 0) a++; else d++ } END { print a " answer, " d " are silent" }' "$W/csv"
    ;;
rtt)
    ip netns exec $A tcpdump -i v0 -n -tt --time-stamp-precision=nano -B 8192 -U -w "$W/cap" icmp 2>/dev/null &
    tcpdump=$!
    until [ -s "$W/cap" ]; do sleep 0.1; done
    ping -c 1 --max-rate 1000 --subnet-rate 0 --yes 10.80.0.0/21
    sleep 1
    kill $tcpdump
    tcpdump -r "$W/cap" -n -tt --time-stamp-precision=nano 2>/dev/null |
        sed -n 's/^[0-9]*\([0-9]\{4\}\)\.\([0-9]*\) IP \([^ ]*\) > \([^ :]*\): ICMP echo \(re[a-z]*\),.*/\1\2 \3 \4 \5/p' |
        awk '$4 == "request" { at[$3] = $1 } $4 == "reply" && $2 in at { printf "%s %.0f\n", $2, $1 - at[$2] }' >"$W/truth"
    awk -F'[, ]' 'NR == FNR { truth[$1] = $2; next }
        $2 in truth && $8 != "" { e = $8 * 1e9 - truth[$2]; print (e < 0 ? -e : e) / 1000 }' "$W/truth" "$W/csv" |
        sort -n | awk '{ e[NR] = $1 } END { printf "%d round trips; error p50 %.1f, p99 %.1f, max %.1f us\n", NR, e[int(NR / 2) + 1], e[int(NR * 0.99) + 1], e[NR] }'
    ;;
*)
    echo "thin, dead or rtt?" >&2
    exit 2
    ;;
esac
