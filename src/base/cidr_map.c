/* Ground floor: longest-prefix map from networks to numbers: a binary tree on the bits of the address with
 * skipped one-way stretches (a Patricia trie; Sedgewick, Algorithms). Every node stands for a network; those
 * that were only needed for branching carry no value. Built by one thread, then read by many. */
#include "base/ip.h"
#include "base/memory.h"

struct node {
    struct cidr network;
    bool has_value;
    uint32_t value;
    uint32_t child[2]; /* index of nodes, 0 = none; the root is never a child */
};

struct cidr_map {
    struct node *nodes;
    uint32_t count, capacity; /* nodes[0] is ::/0 */
};

static uint32_t node_add(struct cidr_map *m, const struct cidr *c)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 64;
        m->nodes = memory_resize_array(m->nodes, m->capacity, sizeof m->nodes[0]);
    }
    m->nodes[m->count] = (struct node){.network = *c};
    return m->count++;
}

struct cidr_map *cidr_map_new(void)
{
    struct cidr_map *m = NEW(struct cidr_map);
    node_add(m, &(struct cidr){.bits = 0});
    return m;
}

void cidr_map_free(struct cidr_map *m)
{
    if (!m)
        return;
    memory_free(m->nodes);
    memory_free(m);
}

static unsigned bit_at(const struct ip *ip, unsigned at)
{
    return ip->bytes[at / 8] >> (7 - at % 8) & 1;
}

/* Leading bits that two networks share, at most the shorter one's. */
static uint8_t shared_bits(const struct cidr *a, const struct cidr *b)
{
    unsigned most = a->bits < b->bits ? a->bits : b->bits, at = 0;
    while (at + 8 <= most && a->ip.bytes[at / 8] == b->ip.bytes[at / 8])
        at += 8;
    while (at < most && bit_at(&a->ip, at) == bit_at(&b->ip, at))
        at++;
    return (uint8_t)at;
}

static struct cidr shortened(const struct cidr *c, uint8_t bits)
{
    struct cidr result = {.bits = bits};
    memcpy(result.ip.bytes, c->ip.bytes, bits / 8);
    if (bits % 8)
        result.ip.bytes[bits / 8] = c->ip.bytes[bits / 8] & (uint8_t)(0xff << (8 - bits % 8));
    return result;
}

/* The node of exactly this network, created where the path of `c` leaves the tree. */
static uint32_t node_of(struct cidr_map *m, const struct cidr *c)
{
    uint32_t at = 0;
    while (m->nodes[at].network.bits != c->bits) {
        unsigned side = bit_at(&c->ip, m->nodes[at].network.bits);
        uint32_t next = m->nodes[at].child[side];
        if (!next) {
            uint32_t leaf = node_add(m, c);
            m->nodes[at].child[side] = leaf;
            return leaf;
        }
        uint8_t shared = shared_bits(&m->nodes[next].network, c);
        if (shared < m->nodes[next].network.bits) { /* a branch between `at` and `next` */
            struct cidr fork = shortened(c, shared);
            uint32_t middle = node_add(m, &fork);
            m->nodes[middle].child[bit_at(&m->nodes[next].network.ip, shared)] = next;
            m->nodes[at].child[side] = middle;
            next = middle;
        }
        at = next;
    }
    return at;
}

void cidr_map_add(struct cidr_map *m, const struct cidr *c, uint32_t value)
{
    struct cidr clean = shortened(c, c->bits);
    uint32_t at = node_of(m, &clean);
    m->nodes[at].has_value = true;
    m->nodes[at].value = value;
}

size_t cidr_map_find_all(const struct cidr_map *m, const struct ip *ip, uint32_t *values, size_t max)
{
    uint32_t found[129]; /* at most one network of each length */
    size_t count = 0;
    uint32_t at = 0;
    for (;;) {
        const struct node *node = &m->nodes[at];
        if (!cidr_contains(&node->network, ip))
            break;
        if (node->has_value)
            found[count++] = node->value;
        if (node->network.bits == 128 || !(at = node->child[bit_at(ip, node->network.bits)]))
            break;
    }
    size_t n = count < max ? count : max;
    for (size_t i = 0; i < n; i++)
        values[i] = found[count - 1 - i];
    return n;
}

bool cidr_map_find(const struct cidr_map *m, const struct ip *ip, uint32_t *value)
{
    return cidr_map_find_all(m, ip, value, 1) == 1;
}
