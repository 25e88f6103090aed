#ifndef COMMAND_PARSE_H
#define COMMAND_PARSE_H

/* hyakuyo parse. argv[0] is the command's name. Exit: 0 done, 1 a file or the parsers cannot be read, 2
 * usage. */
int command_parse(int argc, char **argv);

#endif
