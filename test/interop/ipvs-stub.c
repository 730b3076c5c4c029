typedef int (*Callback)(void *message, void *argument);
static Callback callbacks[16];
static void *arguments[16];
int genl_ctrl_resolve(void *socket, const char *name) { return 37; }
int nl_send_auto(void *socket, void *message) { return 1; }
int nl_socket_modify_cb(void *socket, int type, int kind, Callback callback, void *argument) {
  if (type >= 0 && type < 16) { callbacks[type] = callback; arguments[type] = argument; }
  return 0;
}
int nl_recvmsgs_default(void *socket) {
  if (callbacks[4]) callbacks[4]((void *)0, arguments[4]);
  if (callbacks[3]) callbacks[3]((void *)0, arguments[3]);
  return 0;
}
