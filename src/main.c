/* hyakuyo: collects what anti-malware systems say, checks that they work, finds infections while the events
 * stream past, and runs the response. This file lists the commands; each is a src/command/command_*.c or
 * serve.c. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"

static const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "cli/commands.def"
#undef COMMAND
};

static void print_commands(FILE *out)
{
    fprintf(out, "hyakuyo %s\n\n%s: hyakuyo COMMAND [--help]\n\n", HYAKUYO_VERSION, tr("usage", "使い方"));
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, tr(commands[i]->summary_en, commands[i]->summary_ja));
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("hyakuyo %s\n", HYAKUYO_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return command_main(commands[i], argc - 2, argv + 2);
    fprintf(stderr,
            tr("hyakuyo: there is no command '%s'; 'hyakuyo --help' lists them\n",
               "hyakuyo: コマンド '%s' はありません。'hyakuyo --help' で一覧を表示します\n"),
            argv[1]);
    return EXIT_USAGE;
}
