/* The physical limit of ICMP echo on this machine: one thread, one raw socket,
 * single sends each with its stamp, receives by 64, ICMP_FILTER, a 16 MiB
 * buffer, kernel receive stamps, a BPF filter on the id. It knows no deadlines,
 * no states, no pacing per group: only send, match, count.
 *
 *   raw_loop FIRST HOSTS ROUNDS RATE TICK_MS TIMEOUT_MS [wait | echo RTTs to stdout]
 *
 * FIRST is the first IPv4 address, RATE 0 is flat out. With "wait" it says "ready", begins
 * at a line from standard input and stays until that ends, so that its start is not counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define WINDOW 4096
#define PAYLOAD 56

static int sock;
static uint32_t first, hosts;
static uint16_t id;
static uint64_t sent, received, *stamps;
static unsigned char *answered;

static uint64_t now_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static uint16_t checksum(const unsigned char *p, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2) sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void send_one(uint32_t index) {
    unsigned char packet[8 + PAYLOAD] = {8, 0};
    uint32_t host = index % hosts;
    uint16_t seq = htons((uint16_t)index), nid = htons(id);
    memcpy(packet + 4, &nid, 2);
    memcpy(packet + 6, &seq, 2);
    memcpy(packet + 8, &index, 4);
    memcpy(packet + 12, "raw!", 4);
    uint64_t at = now_of(CLOCK_REALTIME);
    memcpy(packet + 16, &at, 8);
    uint16_t sum = htons(checksum(packet, sizeof packet));
    memcpy(packet + 2, &sum, 2);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(first + host)};
    while (sendto(sock, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to) < 0) {
        if (errno != EAGAIN && errno != ENOBUFS) {
            perror("sendto");
            exit(1);
        }
    }
    stamps[index] = at;
    sent++;
}

static int receive(void) {
    static unsigned char bytes[BATCH][256], control[BATCH][64];
    static struct mmsghdr headers[BATCH];
    static struct iovec parts[BATCH];
    static struct sockaddr_in from[BATCH];
    int total = 0;
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
            headers[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i],
                                                 .msg_iov = &parts[i], .msg_iovlen = 1,
                                                 .msg_control = control[i], .msg_controllen = sizeof control[i]};
        }
        int got = recvmmsg(sock, headers, BATCH, MSG_DONTWAIT, NULL);
        if (got <= 0) return total;
        for (int i = 0; i < got; i++) {
            unsigned char *icmp = bytes[i] + (bytes[i][0] & 15) * 4;
            uint32_t index;
            memcpy(&index, icmp + 8, 4);
            if (icmp[0] != 0 || memcmp(icmp + 12, "raw!", 4) || index >= sent) continue;
            if (ntohl(from[i].sin_addr.s_addr) != first + index % hosts || answered[index]) continue;
            answered[index] = 1;
            received++;
            struct cmsghdr *c = CMSG_FIRSTHDR(&headers[i].msg_hdr);
            if (c && c->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec t;
                memcpy(&t, CMSG_DATA(c), sizeof t);
                stamps[index] = (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec - stamps[index];
            }
        }
        total += got;
        if (got < BATCH) return total;
    }
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    first = ntohl(inet_addr(argv[1]));
    hosts = strtoul(argv[2], NULL, 10);
    uint64_t all = (uint64_t)hosts * strtoul(argv[3], NULL, 10);
    uint64_t rate = strtoul(argv[4], NULL, 10), tick = strtoul(argv[5], NULL, 10) * 1000000u;
    uint64_t timeout = strtoul(argv[6], NULL, 10) * 1000000u;
    id = (uint16_t)getpid();
    stamps = calloc(all, 8);
    answered = calloc(all, 1);
    sock = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
    if (sock < 0) {
        perror("socket");
        return 1;
    }
    int room = 16 << 20, on = 1;
    uint32_t filter = ~1u;
    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(sock, SOL_RAW, 1, &filter, sizeof filter);
    setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    struct sock_filter code[] = {{0xb1, 0, 0, 0}, {0x48, 0, 0, 4}, {0x15, 0, 1, id}, {6, 0, 0, ~0u}, {6, 0, 0, 0}};
    struct sock_fprog program = {5, code};
    setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    int waits = argc > 7 && !strcmp(argv[7], "wait");
    if (waits) {
        puts("ready");
        fflush(stdout);
        getchar();
    }
    uint64_t start = now_of(CLOCK_MONOTONIC), last = start;
    while (sent < all) {
        uint64_t due = all, now = now_of(CLOCK_MONOTONIC);
        if (rate) due = (now - start) * rate / 1000000000u + 1;
        for (int n = 0; n < BATCH && sent < all && sent < due && (rate || sent - received < WINDOW); n++)
            send_one(sent);
        receive();
        if (rate && (sent >= due || sent >= all)) {
            last += tick;
            struct timespec wake = {last / 1000000000u, last % 1000000000u};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        }
    }
    uint64_t end = now_of(CLOCK_MONOTONIC) + timeout;
    while (received < all && now_of(CLOCK_MONOTONIC) < end) {
        struct pollfd p = {sock, POLLIN, 0};
        poll(&p, 1, 10);
        receive();
    }
    if (argc > 7 && !waits)
        for (uint64_t i = 0; i < all; i++)
            if (answered[i]) printf("%llu %llu\n", (unsigned long long)i, (unsigned long long)stamps[i]);
    fprintf(stderr, "%llu %llu\n", (unsigned long long)sent, (unsigned long long)received);
    while (waits && getchar() != EOF) {}
    return 0;
}
