// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts about the macros of the language
// Config core: every diagnostic code with what `lbd explain CODE` says about it. A test compares it with what is reported.
// One row a line, sorted by code, so that changes of several hands merge.

export interface CodeInfo {
  /** Half a line: what is wrong. */
  readonly title: string;
  /** One to three sentences: why it matters, what keepalived does, what to do. */
  readonly explanation: string;
  /** A line or two that draw the finding. */
  readonly example: string;
}

// biome-ignore format: one row a line
export const CODES: Readonly<Record<string, CodeInfo>> = {
  "bad-definition": { title: "a macro definition is not written as one", explanation: "A definition is $NAME=text: a dollar sign, a name of letters, digits and underscores that does not begin with a digit, and = directly behind it. With a blank before = the line would be read as a statement.", example: "$VIP = 192.0.2.1" },
  "bad-loop": { title: "a ~SEQ or ~LST line can't be repeated", explanation: "~SEQ takes a variable and one to three whole numbers, ~LST a variable or a {tuple} and its values; the step must lead from start to end. Such a line is left out.", example: "~SEQ(N, 1, 0, 9) 192.0.2.${N}" },
  "block-not-closed": { title: "a block is opened and never closed", explanation: "The finding points at the opening brace without a partner, found by the indentation and by which keywords may stand where; reading goes on as if } stood where the block should end.", example: "virtual_ipaddress {\n  192.0.2.1" },
  "block-not-opened": { title: "a keyword that needs a block has none", explanation: "This keyword stands in front of { … }. The brace may be on the same line or on a later one, but nothing may come between. Reading goes on as if { were there when the lines below belong to such a block.", example: "vrrp_instance VI_1\n  state MASTER" },
  "brace-not-expected": { title: "a brace opens a block where none belongs", explanation: "The keyword in front of { takes no block. What stands inside the braces is left out.", example: "priority 100 {" },
  "byte-order-mark": { title: "the file begins with a byte order mark", explanation: "Some editors write these invisible bytes. lbd leaves them out; keepalived takes them for part of the first word and loses its block.", example: "(EF BB BF) global_defs {" },
  "comment-in-definition": { title: "a comment stands alone on a line inside a multi-line definition", explanation: "In keepalived such a line ends the definition for the workers and not for the parent. lbd goes on with the definition while its braces are open. Put the comment behind the backslash of another line.", example: "$S= \\\n  real_server 192.0.2.10 80 { \\\n  # weight 1 \\\n  }" },
  "condition-in-macro": { title: "a macro begins with a condition", explanation: "@ID and @^ID are recognised at the start of a line as it is written, not in text that a macro brings there. Write the condition in front of the macro.", example: "$LINE=@main priority 150\n$LINE" },
  "config-empty": { title: "nothing is configured", explanation: "The file holds no statement. That is accepted, and a director that runs on it does nothing; after a reload it would give up all it had.", example: "(empty file)" },
  "definition-cut-short": { title: "a line of a definition lacks its backslash", explanation: "The first line without a backslash ends a definition. Here that would leave a block open while the next lines still look like the definition, so reading goes on with it.", example: "$S= \\\n  real_server 192.0.2.10 80 {\n    weight 1 \\\n  }" },
  "definition-not-ended": { title: "a definition still goes on at the end of the file", explanation: "The last line ends in a backslash, so everything since the definition became its text. Take the last backslash away, or leave an empty line behind the definition.", example: "$S= \\\n  weight 1 \\" },
  "escaped-comment-sign": { title: "a backslash does not protect a comment sign", explanation: "# and ! begin a comment also behind a backslash. Put the word in double quotes, or write ${_HASH} or ${_BANG} inside double quotes.", example: "auth_pass a\\#b" },
  "extra-brace": { title: "a closing brace without an opening one", explanation: "More blocks are closed than were opened. The brace that fits nothing is left out; keepalived would leave the enclosing block early and call what follows unknown.", example: "}\n}" },
  "file-missing": { title: "a configuration file is not there", explanation: "The file named on the command line does not exist. keepalived would go on with an empty configuration.", example: "lbd check /etc/keepalived/keepalivd.conf" },
  "file-unreadable": { title: "a configuration file can't be read", explanation: "Only regular files are read, of bounded size, without execute permission, and with the rights of who asks.", example: "lbd check /etc/keepalived" },
  "include-loop": { title: "a file includes itself", explanation: "The include would go on for ever, directly or through other files, so it is left out. keepalived reads on until it has no file descriptors left.", example: "include keepalived.conf" },
  "include-missing": { title: "an include matches nothing", explanation: "A plain include goes on without the file; includer, includem, includew, includeb and includea, include_check and -e make more or fewer of these cases errors. Names are relative to the including file and are not quoted.", example: "includea conf.d/*.conf" },
  "include-unreadable": { title: "an included file can't be read", explanation: "Directories, FIFOs, devices, executable files and files without read permission are not included. A plain include leaves them out, the stricter forms make it an error.", example: "include /etc/keepalived" },
  "include-without-name": { title: "an include without a file", explanation: "Behind include stands one file name or pattern, without quotes.", example: "include" },
  "invalid-utf-8": { title: "bytes that are no UTF-8 text", explanation: "The bytes are kept as replacement characters, so a value that holds them is not what the file says. Save the file as UTF-8.", example: "router_id caf(E9)" },
  "limit-exceeded": { title: "the configuration is larger than what is read", explanation: "File size, length of a line, number of files and lines, nesting of blocks, includes and macros are bounded so that a damaged or hostile file can't hold the director up. The message names the bound.", example: "~SEQ(N, 1, 1000000000) weight 1" },
  "macro-loop": { title: "macros name each other in a circle", explanation: "A macro whose text leads back to itself has no value. keepalived hangs on two macros that name each other.", example: "$A=$B\n$B=$A" },
  "macro-needs-braces": { title: "a macro is not replaced because its name goes on", explanation: "$NAME ends only at a blank, a comma, a closing parenthesis or the end of the line. Anywhere else, also in front of a closing quote, it must be written ${NAME}.", example: "$VIP=192.0.2.1\nvirtual_ipaddress { $VIP/24 }" },
  "more-findings": { title: "not all findings are shown", explanation: "The first ones usually explain the rest. Mend them and look again.", example: "(a file that is no configuration)" },
  "no-configuration": { title: "the file is something else", explanation: "So many words are no keywords that this can't be a configuration of keepalived or lbd. Look at which file was named.", example: "lbd check /var/log/syslog" },
  "nul-byte": { title: "a NUL byte in a text file", explanation: "The file is damaged or no text. The byte is left out.", example: "priority 100(00)" },
  "quote-not-closed": { title: "a quoted word does not end on its line", explanation: "A double quote needs its partner on the same line. The word is taken to end with the line.", example: "notify_master \"/etc/notify.sh master" },
  "random-range": { title: "bounds of ${_RANDOM} that are none", explanation: "Write ${_RANDOM}, ${_RANDOM MIN} or ${_RANDOM MIN MAX} with whole numbers, MIN not above MAX.", example: "${_RANDOM 20 10}" },
  "stray-backslash": { title: "a backslash at the end of a statement", explanation: "Lines are joined by a backslash only inside $NAME= definitions; a statement always ends with its line. The backslash is left out.", example: "notify_master \"/etc/notify.sh\" \\\n  root" },
  "text-after-macro": { title: "text behind a multi-line macro", explanation: "A macro of several lines must be the last thing on its line. The text behind it is left out; keepalived would leave the macro as it stands.", example: "$SERVERS weight 1" },
  "undefined-macro": { title: "a macro that is not defined here", explanation: "The text stays as it stands, which is an error where it can't be a value. A macro must be defined above its use; names are exact in case.", example: "priority $PRIO" },
  "unset-variable": { title: "an environment variable that is not set", explanation: "${_ENV NAME} of a variable that is not set is empty text.", example: "router_id ${_ENV ROUTER}" },
  "unused-macro": { title: "a macro is defined and never used", explanation: "No harm, unless a reference to it was misspelt or left out.", example: "$VIP=192.0.2.1" },
  "utf-16-file": { title: "the file is UTF-16 or UTF-32", explanation: "Save it as UTF-8 or plain ASCII.", example: "(FF FE) g l o b a l" },
};
