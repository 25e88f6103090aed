/* Ground floor: registered domains through libpsl. The same few names come again and again: each thread
 * remembers some answers. */
#include "base/domain.h"

#include <libpsl.h>

#include "base/ip.h"
#include "base/memory.h"

#define REMEMBERED 16384 /* names, direct-mapped by hash: 256 KiB a thread that asks */

struct answer {
    uint64_t hash;
    uint16_t size, from; /* of the name; where its registered part begins */
};

static _Thread_local struct answer answers[REMEMBERED];

static size_t find(struct str domain)
{
    char text[DOMAIN_MAX + 1];
    struct ip ip;
    if (str_find_char(domain, '.', 0) == STR_NOT_FOUND || ip_parse(domain, &ip))
        return 0;
    memcpy(text, domain.p, domain.n);
    text[domain.n] = 0;
    const char *registered = psl_registrable_domain(psl_builtin(), text);
    return registered != NULL ? (size_t)(registered - text) : 0;
}

struct str domain_registered(struct str domain)
{
    if (domain.n > 0 && domain.p[domain.n - 1] == '.')
        domain.n--;
    if (domain.n == 0 || domain.n > DOMAIN_MAX)
        return domain;
    uint64_t hash = str_hash(domain);
    struct answer *a = &answers[hash % REMEMBERED];
    if (a->hash != hash || a->size != domain.n)
        *a = (struct answer){hash, (uint16_t)domain.n, (uint16_t)find(domain)};
    return str_skip(domain, a->from);
}

bool domain_is_below_private_suffix(struct str registered)
{
    char text[DOMAIN_MAX + 1];
    size_t dot = str_find_char(registered, '.', 0);
    if (dot == STR_NOT_FOUND || registered.n > DOMAIN_MAX)
        return false;
    struct str suffix = str_skip(registered, dot + 1);
    memcpy(text, suffix.p, suffix.n);
    text[suffix.n] = 0;
    return psl_is_public_suffix2(psl_builtin(), text, PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE);
}
