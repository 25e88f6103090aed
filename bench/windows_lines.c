/* The Windows hosts of an imaginary office: what Sysmon and the Security log write while people work.
 *
 * Variety is what matters to a rule engine: programs with their own folders, parents, companies, command
 * lines, libraries and registry keys, each drawn with a skew (few programs make most of the events), and in
 * each event something that no other has: process identifiers, GUIDs, hashes, file names, temporary folders.
 * Four fifths of the programs are named by number, so that no table of the engine knows them by heart. */
#include "windows_lines.h"

#include <stdio.h>
#include <time.h>

#include "base/memory.h"

#define HOSTS     2000
#define STAFF     1500
#define PROGRAMS  600
#define LIBRARIES 2500
#define KEYS      3000
#define NAMES     8000

struct program {
    char path[160], name[48], company[32];
    unsigned number;
};

struct known {
    const char *path, *name, *company;
};

/* Paths as they stand in JSON: backslashes are doubled. */
static const struct known windows_programs[] = {
    {"C:\\\\Windows\\\\System32\\\\svchost.exe", "svchost.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\RuntimeBroker.exe", "RuntimeBroker.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\conhost.exe", "conhost.exe", "Microsoft Corporation"},
    {"C:\\\\Program Files\\\\Microsoft Office\\\\root\\\\Office16\\\\OUTLOOK.EXE", "OUTLOOK.EXE",
     "Microsoft Corporation"},
    {"C:\\\\Program Files\\\\Microsoft Office\\\\root\\\\Office16\\\\EXCEL.EXE", "EXCEL.EXE",
     "Microsoft Corporation"},
    {"C:\\\\Program Files (x86)\\\\Microsoft\\\\Edge\\\\Application\\\\msedge.exe", "msedge.exe",
     "Microsoft Corporation"},
    {"C:\\\\Windows\\\\explorer.exe", "explorer.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\taskhostw.exe", "taskhostw.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\cmd.exe", "cmd.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\WindowsPowerShell\\\\v1.0\\\\powershell.exe", "powershell.exe",
     "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\wbem\\\\WmiPrvSE.exe", "WmiPrvSE.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\SearchProtocolHost.exe", "SearchProtocolHost.exe",
     "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\lsass.exe", "lsass.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\services.exe", "services.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\rundll32.exe", "rundll32.exe", "Microsoft Corporation"},
    {"C:\\\\Windows\\\\System32\\\\schtasks.exe", "schtasks.exe", "Microsoft Corporation"},
};

static struct program program(struct generator *g)
{
    static const char *const words[] = {"Invoice", "Planner", "Viewer", "Sync", "Agent", "Print", "Backup",
                                        "Design",  "Ledger",  "Chat",   "Scan", "Drive", "Notes", "Update"};
    static const char *const places[] = {"C:\\\\Program Files", "C:\\\\Program Files (x86)",
                                         "C:\\\\ProgramData\\\\Packages"};
    struct program p = {.number = below(g, 5) ? skewed(g, PROGRAMS) : skewed(g, COUNT_OF(windows_programs))};
    if (p.number < COUNT_OF(windows_programs)) {
        const struct known *k = &windows_programs[p.number];
        snprintf(p.path, sizeof p.path, "%s", k->path);
        snprintf(p.name, sizeof p.name, "%s", k->name);
        snprintf(p.company, sizeof p.company, "%s", k->company);
        return p;
    }
    const char *word = words[p.number % COUNT_OF(words)];
    snprintf(p.company, sizeof p.company, "Vendor %u K.K.", p.number % 90);
    snprintf(p.name, sizeof p.name, "%s%u.exe", word, p.number);
    snprintf(p.path, sizeof p.path, "%s\\\\Vendor %u\\\\%s\\\\%s", places[p.number % 3], p.number % 90, word,
             p.name);
    return p;
}

/* ---- parts of events ---- */

struct place {
    unsigned host, person;
};

static void add_time(struct generator *g, const char *format)
{
    char text[40];
    time_t when = (time_t)g->now;
    struct tm parts;
    gmtime_r(&when, &parts);
    size_t n = strftime(text, sizeof text, format, &parts);
    buf_add(&g->line, str_n(text, n));
}

static void head(struct generator *g, struct place at, unsigned id, const char *channel, const char *provider)
{
    buf_clear(&g->line);
    buf_printf(&g->line, "{\"EventTime\":\"");
    add_time(g, "%Y-%m-%d %H:%M:%S");
    buf_printf(
        &g->line,
        "\",\"Hostname\":\"PC%04u.office.example\",\"Keywords\":-9223372036854775808,\"SeverityValue\":2,"
        "\"EventID\":%u,\"SourceName\":\"%s\",\"Channel\":\"%s\",\"RecordNumber\":%u",
        at.host, id, provider, channel, (unsigned)(next(g) >> 40));
}

static void sysmon(struct generator *g, struct place at, unsigned id)
{
    head(g, at, id, "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon");
    buf_printf(&g->line, ",\"RuleName\":\"-\",\"UtcTime\":\"");
    add_time(g, "%Y-%m-%d %H:%M:%S");
    buf_printf(&g->line, ".%03u\"", below(g, 1000));
}

static void process(struct generator *g, const char *prefix, const struct program *p)
{
    uint64_t a = next(g), b = next(g);
    buf_printf(&g->line,
               ",\"%sProcessGuid\":\"{%08x-%04x-%04x-%04x-%012llx}\",\"%sProcessId\":%u,\"%sImage\":\"%s\"",
               prefix, (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xffff,
               (unsigned)(b >> 48), (unsigned long long)(b & 0xffffffffffff), prefix,
               4 * between(g, 100, 6000), prefix, p->path);
}

static void account(struct generator *g, const char *name, struct place at)
{
    if (below(g, 3) == 0)
        buf_printf(&g->line, ",\"%s\":\"NT AUTHORITY\\\\SYSTEM\"", name);
    else
        buf_printf(&g->line, ",\"%s\":\"OFFICE\\\\user%04u\"", name, at.person);
}

/* A version of a file has one hash on all hosts; one in thirty is a file that nobody else has. */
static void hashes(struct generator *g, uint64_t number)
{
    struct generator own = {.state = below(g, 30) ? number * 7919 : next(g)};
    uint64_t w[9];
    for (size_t i = 0; i < COUNT_OF(w); i++)
        w[i] = next(&own);
#define W(i) (unsigned long long)w[i]
    buf_printf(&g->line,
               ",\"Hashes\":\"SHA1=%016llX%016llX%08X,MD5=%016llX%016llX,SHA256=%016llX%016llX%016llX%016llX,"
               "IMPHASH=%016llX%016llX\"",
               W(0), W(1), (unsigned)w[2], W(3), W(4), W(5), W(6), W(7), W(8), W(2), W(0));
#undef W
}

static void arguments(struct generator *g, const struct program *p, unsigned person)
{
    struct buf *b = &g->line;
    uint64_t r = next(g);
    switch (p->number < COUNT_OF(windows_programs) ? p->number : 20 + p->number % 6) {
    case 0:
        buf_printf(b, " -k %s -p -s %s",
                   PICK(g, "netsvcs", "LocalService", "UnistackSvcGroup", "wsappx", "DcomLaunch"),
                   PICK(g, "Schedule", "BITS", "wuauserv", "WpnService", "CDPUserSvc", "TokenBroker",
                        "gpsvc"));
        return;
    case 3:
    case 4:
        buf_printf(b, " /dde \\\"C:\\\\Users\\\\user%04u\\\\Documents\\\\%s %u.xlsx\\\"", person,
                   PICK(g, "Budget", "Orders", "Minutes", "Shift"), (unsigned)r % 5000);
        return;
    case 5:
        buf_printf(b,
                   " --type=%s --lang=ja --field-trial-handle=%u,i,%u,262144 "
                   "--mojo-platform-channel-handle=%u /prefetch:%u",
                   PICK(g, "renderer", "utility", "gpu-process"), below(g, 9000), (unsigned)r, below(g, 9000),
                   between(g, 1, 8));
        return;
    case 8:
        buf_printf(b, " /d /c C:\\\\Tools\\\\job%u\\\\%s.cmd %08x", below(g, 300),
                   PICK(g, "nightly", "export", "mount"), (unsigned)r);
        return;
    case 9:
        buf_printf(b, " -NoLogo -File \\\"C:\\\\ProgramData\\\\Scripts\\\\%s-%u.ps1\\\" -Site %u",
                   PICK(g, "inventory", "printers", "health"), below(g, 40), below(g, 100));
        return;
    case 14:
        buf_printf(b,
                   " C:\\\\Windows\\\\System32\\\\shell32.dll,SHCreateLocalServerRunDll "
                   "{%08x-0000-0000-c000-000000000046}",
                   (unsigned)r);
        return;
    case 15:
        buf_printf(b, " /query /tn \\\"\\\\Vendor %u\\\\%s\\\"", below(g, 90),
                   PICK(g, "Update", "Telemetry", "Cleanup"));
        return;
    case 20:
    case 21:
        buf_printf(b,
                   " --profile=%u --session %016llx --log "
                   "\\\"C:\\\\Users\\\\user%04u\\\\AppData\\\\Local\\\\Temp\\\\%08x.log\\\"",
                   below(g, 20), (unsigned long long)r, person, (unsigned)r);
        return;
    case 22:
    case 23:
        buf_printf(b, " -embedding -server https://app%u.vendor%u.example/api -token %016llx", below(g, 9),
                   below(g, 90), (unsigned long long)r);
        return;
    default:
        buf_printf(b, " -s %u", (unsigned)r % 100000);
    }
}

static void command_line(struct generator *g, const char *name, const struct program *p, unsigned person)
{
    buf_printf(&g->line, ",\"%s\":\"\\\"%s\\\"", name, p->path);
    arguments(g, p, person);
    buf_char(&g->line, '"');
}

static void created_file(struct generator *g, const char *name, unsigned person)
{
    struct buf *b = &g->line;
    uint64_t r = next(g);
    buf_printf(b, ",\"%s\":\"C:\\\\Users\\\\user%04u\\\\", name, person);
    switch (below(g, 4)) {
    case 0:
        buf_printf(b, "AppData\\\\Local\\\\Temp\\\\%08x-%04x\\\\%s%u.tmp\"", (unsigned)r,
                   (unsigned)(r >> 40) & 0xffff, PICK(g, "~DF", "tmp", "msi", "wct"), below(g, 10000));
        return;
    case 1:
        buf_printf(b,
                   "AppData\\\\Local\\\\Microsoft\\\\Edge\\\\User "
                   "Data\\\\Default\\\\Cache\\\\Cache_Data\\\\f_%06x\"",
                   (unsigned)r & 0xffffff);
        return;
    case 2:
        buf_printf(b, "Documents\\\\%s\\\\%s %u.%s\"", PICK(g, "Sales", "Shift plans", "Contracts"),
                   PICK(g, "Report", "Estimate", "Draft"), below(g, 9000),
                   PICK(g, "docx", "xlsx", "pdf", "pptx"));
        return;
    default:
        buf_printf(b, "AppData\\\\Roaming\\\\Vendor %u\\\\state\\\\%016llx.%s\"", below(g, 90),
                   (unsigned long long)r, PICK(g, "json", "db-wal", "dat", "lock"));
    }
}

/* ---- events, one function for each id ---- */

static void created_process(struct generator *g, struct place at)
{
    struct program child = program(g), parent = program(g);
    sysmon(g, at, 1);
    process(g, "", &child);
    buf_printf(&g->line,
               ",\"FileVersion\":\"%u.%u.%u.%u\",\"Description\":\"%.*s\",\"Product\":\"%s "
               "product\",\"Company\":\"%s\","
               "\"OriginalFileName\":\"%s\"",
               between(g, 1, 11), below(g, 10), below(g, 20000), below(g, 2000),
               (int)strcspn(child.name, "."), child.name, child.company, child.company, child.name);
    command_line(g, "CommandLine", &child, at.person);
    buf_printf(&g->line, ",\"CurrentDirectory\":\"C:\\\\Users\\\\user%04u\\\\\"", at.person);
    account(g, "User", at);
    buf_printf(&g->line, ",\"LogonId\":\"0x%x\",\"TerminalSessionId\":%u,\"IntegrityLevel\":\"%s\"",
               (unsigned)next(g) >> 8, below(g, 3), PICK(g, "Medium", "Medium", "System", "AppContainer"));
    hashes(g, child.number);
    process(g, "Parent", &parent);
    command_line(g, "ParentCommandLine", &parent, at.person);
    buf_char(&g->line, '}');
}

static void connected(struct generator *g, struct place at)
{
    struct program p = program(g);
    unsigned far = skewed(g, 20000), port = below(g, 8) ? 443 : below(g, 2) ? 80 : 8443;
    sysmon(g, at, 3);
    process(g, "", &p);
    account(g, "User", at);
    buf_printf(
        &g->line,
        ",\"Protocol\":\"tcp\",\"Initiated\":\"true\",\"SourceIsIpv6\":\"false\",\"SourceIp\":\"10.20.%u.%"
        "u\","
        "\"SourceHostname\":\"PC%04u.office.example\",\"SourcePort\":%u,\"DestinationIsIpv6\":\"false\","
        "\"DestinationIp\":\"198.18.%u.%u\",\"DestinationHostname\":\"edge%u.cdn%u.example\","
        "\"DestinationPort\":%u}",
        at.host / 250, at.host % 250 + 1, at.host, between(g, 49152, 65535), far / 250, far % 250 + 1,
        far % 31, far % 97, port);
}

static void ended(struct generator *g, struct place at)
{
    struct program p = program(g);
    sysmon(g, at, 5);
    process(g, "", &p);
    account(g, "User", at);
    buf_char(&g->line, '}');
}

static void loaded_library(struct generator *g, struct place at)
{
    struct program p = program(g);
    unsigned library = skewed(g, LIBRARIES);
    sysmon(g, at, 7);
    process(g, "", &p);
    if (library % 3)
        buf_printf(&g->line, ",\"ImageLoaded\":\"C:\\\\Windows\\\\System32\\\\%s%u.dll\"",
                   PICK(g, "api-ms-win-core-l", "mod", "ext-shell", "svc"), library);
    else
        buf_printf(&g->line, ",\"ImageLoaded\":\"C:\\\\Program Files\\\\Vendor %u\\\\lib\\\\plugin%u.dll\"",
                   library % 90, library);
    buf_printf(&g->line,
               ",\"FileVersion\":\"10.0.%u.%u\",\"Description\":\"Library %u\",\"Product\":\"Product "
               "%u\",\"Company\":\"Vendor %u K.K.\","
               "\"OriginalFileName\":\"lib%u.dll\"",
               below(g, 30000), below(g, 2000), library, library % 200, library % 90, library);
    hashes(g, 100000 + library);
    buf_printf(&g->line,
               ",\"Signed\":\"true\",\"Signature\":\"Vendor %u K.K.\",\"SignatureStatus\":\"Valid\"",
               library % 90);
    account(g, "User", at);
    buf_char(&g->line, '}');
}

static void accessed_process(struct generator *g, struct place at)
{
    struct program from = program(g), to = program(g);
    sysmon(g, at, 10);
    process(g, "Source", &from);
    buf_printf(&g->line, ",\"SourceThreadId\":%u", 4 * between(g, 100, 9000));
    process(g, "Target", &to);
    buf_printf(&g->line,
               ",\"GrantedAccess\":\"%s\",\"CallTrace\":\"C:\\\\Windows\\\\SYSTEM32\\\\ntdll.dll+%x|C:"
               "\\\\Windows\\\\System32\\\\KERNELBASE.dll+%x|"
               "%s+%x\"",
               PICK(g, "0x1000", "0x1400", "0x101000", "0x1000", "0x3000"), between(g, 0x90000, 0xaf000),
               between(g, 0x10000, 0x6f000), from.path, (unsigned)next(g) & 0xfffff);
    account(g, "SourceUser", at);
    account(g, "TargetUser", at);
    buf_char(&g->line, '}');
}

static void wrote_file(struct generator *g, struct place at)
{
    struct program p = program(g);
    sysmon(g, at, 11);
    process(g, "", &p);
    created_file(g, "TargetFilename", at.person);
    buf_printf(&g->line, ",\"CreationUtcTime\":\"");
    add_time(g, "%Y-%m-%d %H:%M:%S");
    buf_printf(&g->line, ".%03u\"", below(g, 1000));
    account(g, "User", at);
    buf_char(&g->line, '}');
}

static void registry_key(struct generator *g, unsigned key, unsigned person)
{
    struct buf *b = &g->line;
    switch (key % 4) {
    case 0:
        buf_printf(b, "HKLM\\\\System\\\\CurrentControlSet\\\\Services\\\\svc%u\\\\Parameters\\\\%s", key,
                   PICK(g, "State", "LastRun", "Interval", "Epoch"));
        return;
    case 1:
        buf_printf(b, "HKU\\\\S-1-5-21-10-20-30-%u\\\\Software\\\\Vendor %u\\\\App%u\\\\Recent\\\\%s", person,
                   key % 90, key, PICK(g, "File1", "File2", "Window", "Column"));
        return;
    case 2:
        buf_printf(b,
                   "HKLM\\\\SOFTWARE\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Component%u\\\\{%08x-%04x}"
                   "\\\\Value",
                   key, (unsigned)next(g), (unsigned)next(g) & 0xffff);
        return;
    default:
        buf_printf(b, "HKU\\\\S-1-5-21-10-20-30-%u_Classes\\\\Local Settings\\\\MuiCache\\\\%x\\\\Entry%u",
                   person, (unsigned)next(g) & 0xff, key);
    }
}

static void set_registry(struct generator *g, struct place at)
{
    struct program p = program(g);
    bool is_value = below(g, 3) > 0;
    sysmon(g, at, is_value ? 13 : 12);
    buf_printf(&g->line, ",\"EventType\":\"%s\"",
               is_value ? "SetValue" : PICK(g, "CreateKey", "DeleteKey", "DeleteValue"));
    process(g, "", &p);
    buf_printf(&g->line, ",\"TargetObject\":\"");
    registry_key(g, skewed(g, KEYS), at.person);
    buf_char(&g->line, '"');
    if (is_value && below(g, 2))
        buf_printf(&g->line, ",\"Details\":\"DWORD (0x%08x)\"", (unsigned)next(g));
    else if (is_value)
        buf_printf(&g->line, ",\"Details\":\"%s\"", PICK(g, "Binary Data", "(Empty)", "1", "ja-JP"));
    account(g, "User", at);
    buf_char(&g->line, '}');
}

static void asked_name(struct generator *g, struct place at)
{
    struct program p = program(g);
    unsigned name = skewed(g, NAMES);
    sysmon(g, at, 22);
    process(g, "", &p);
    buf_printf(&g->line,
               ",\"QueryName\":\"%s%u.zone%u.example\",\"QueryStatus\":\"0\",\"QueryResults\":\"type:  5 "
               "edge%u.cdn%u.example;::ffff:198.18.%u.%u;\"",
               PICK(g, "www", "api", "img", "cdn"), name % 9, name, name % 31, name % 97, name / 250,
               name % 250 + 1);
    account(g, "User", at);
    buf_char(&g->line, '}');
}

static void security(struct generator *g, struct place at)
{
    static const unsigned ids[] = {4624, 4624, 4634, 4672, 4625};
    unsigned id = ids[below(g, COUNT_OF(ids))];
    head(g, at, id, "Security", "Microsoft-Windows-Security-Auditing");
    buf_printf(&g->line,
               ",\"SubjectUserSid\":\"S-1-5-18\",\"SubjectUserName\":\"PC%04u$\",\"SubjectDomainName\":"
               "\"OFFICE\",\"SubjectLogonId\":\"0x3e7\","
               "\"TargetUserName\":\"user%04u\",\"TargetDomainName\":\"OFFICE\",\"TargetLogonId\":\"0x%x\","
               "\"LogonType\":\"%s\"",
               at.host, at.person, (unsigned)next(g) >> 8, PICK(g, "3", "5", "2", "7"));
    buf_printf(&g->line,
               ",\"LogonProcessName\":\"%s\",\"AuthenticationPackageName\":\"%s\",\"WorkstationName\":\"PC%"
               "04u\",\"IpAddress\":\"10.20.%u.%u\","
               "\"IpPort\":\"%u\",\"ProcessName\":\"C:\\\\Windows\\\\System32\\\\%s\"}",
               PICK(g, "Kerberos", "Advapi", "User32"), PICK(g, "Kerberos", "Negotiate"), skewed(g, HOSTS),
               at.host / 250, at.host % 250 + 1, between(g, 49152, 65535),
               PICK(g, "services.exe", "svchost.exe", "winlogon.exe"));
}

/* ---- the mixture ---- */

static const struct {
    unsigned percent;
    void (*write)(struct generator *g, struct place at);
} kinds[] = {{13, created_process}, {14, connected},       {8, ended},
             {14, loaded_library},  {9, accessed_process}, {14, wrote_file},
             {15, set_registry},    {7, asked_name},       {6, security}};

void windows_line(struct generator *g)
{
    struct place at = {.host = skewed(g, HOSTS)};
    at.person = at.host * 3 / 4 + below(g, 3) % STAFF;
    unsigned dice = below(g, 100);
    size_t k = 0;
    while (dice >= kinds[k].percent)
        dice -= kinds[k++].percent;
    kinds[k].write(g, at);
}
