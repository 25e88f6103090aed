/* hyakuyo-parse: the command alone, for scoring and for writing parsers while the rest is being built. */
#include "command_parse.h"

int main(int argc, char **argv)
{
    return command_parse(argc, argv);
}
