// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void add(struct iol_config *config, const char *text)
{
	struct iol_error err = { 0 };

	if (iol_config_add_net(config, text, &err))
		g_error("'%s' is refused: %s", text, err.msg);
}

static void test_defaults(void)
{
	static const char *const kinds[] = { "none", "tap",   "bridge,br=b",
					     "user", "passt", "socket,path=s" };
	struct iol_config config;

	iol_config_init(&config);
	g_assert_false(config.rng);
	for (size_t i = 0; i < IOL_ARRAY_LEN(kinds); i++) {
		g_autofree char *id = g_strdup_printf("net%zu", i);
		const struct iol_net_config *net = &config.nets[i];

		add(&config, kinds[i]);
		g_assert_cmpint(net->kind, ==, (enum iol_net_kind)i);
		g_assert_cmpstr(net->id, ==, id);
		g_assert_false(net->has_mac);
		g_assert_cmpuint(net->mtu, ==, 0);
		g_assert_cmpuint(net->queues, ==, 0);
		g_assert_cmpint(net->transport, ==, IOL_TRANSPORT_PCI);
		g_assert_null(net->ifname);
		g_assert_cmpuint(net->fd_count, ==, 0);
		g_assert_false(net->listen);
		g_assert_false(net->restricted);
		g_assert_true(net->ipv4 && net->ipv6);
		g_assert_null(net->forwards[0]);
	}
	g_assert_cmpuint(config.net_count, ==, IOL_ARRAY_LEN(kinds));
	iol_config_finish(&config);
}

static void test_all_keys(void)
{
	static const uint8_t mac[] = { 0x02, 0xab, 0xCD, 0, 0x10, 0xff };
	struct iol_config config;
	const struct iol_net_config *net = config.nets;

	iol_config_init(&config);
	add(&config,
	    "tap,ifname=tap0,id=wan,mac=02:ab:CD:00:10:ff,mtu=9000,queues=4,transport=mmio,vhost=off");
	g_assert_cmpstr(net->ifname, ==, "tap0");
	g_assert_cmpstr(net->id, ==, "wan");
	g_assert_true(net->has_mac);
	g_assert_cmpmem(net->mac, sizeof(net->mac), mac, sizeof(mac));
	g_assert_cmpuint(net->mtu, ==, 9000);
	g_assert_cmpuint(net->queues, ==, 4);
	g_assert_cmpint(net->transport, ==, IOL_TRANSPORT_MMIO);
	g_assert_cmpint(net->vhost, ==, IOL_NET_VHOST_OFF);
	add(&config, "tap,fd=7,fd=9");
	net++;
	g_assert_cmpint(net->vhost, ==, IOL_NET_VHOST_AUTO);
	g_assert_cmpuint(net->fd_count, ==, 2);
	g_assert_cmpint(net->fds[0], ==, 7);
	g_assert_cmpint(net->fds[1], ==, 9);
	add(&config, "user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::53-:53,restrict,ipv6=off,"
		     "net=10.1.0.0/16,host=10.1.0.1,dns=10.1.0.2,dhcpstart=10.1.0.9,hostname=web,"
		     "domainname=a.test");
	net++;
	g_assert_cmpstr(net->forwards[0], ==, "tcp:127.0.0.1:2222-:22");
	g_assert_cmpstr(net->forwards[1], ==, "udp::53-:53");
	g_assert_null(net->forwards[2]);
	g_assert_true(net->restricted);
	g_assert_true(net->ipv4);
	g_assert_false(net->ipv6);
	g_assert_cmpstr(net->net4, ==, "10.1.0.0/16");
	g_assert_cmpstr(net->host4, ==, "10.1.0.1");
	g_assert_cmpstr(net->dns4, ==, "10.1.0.2");
	g_assert_cmpstr(net->dhcp_start, ==, "10.1.0.9");
	g_assert_cmpstr(net->hostname, ==, "web");
	g_assert_cmpstr(net->domain, ==, "a.test");
	add(&config, "socket,path=/run/a,,b,listen");
	net++;
	g_assert_cmpstr(net->path, ==, "/run/a,b");
	g_assert_true(net->listen);
	iol_config_finish(&config);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *where, *remedy;
	} cases[] = {
		{ "", "no kind", "such as user" },
		{ ",id=a", "no kind", "such as user" },
		{ "tab", "'tab' is no kind", "'tap'" },
		{ "slirp", "'slirp' is no kind", "'user'" },
		{ "veth", "'veth' is no kind", "tap, bridge" },
		{ "tap,", "a comma with nothing", "take it away" },
		{ "tap,ifname", "'ifname' lacks its value", "ifname=..." },
		{ "tap,ifname=", "'ifname='", "1 to 15 bytes" },
		{ "tap,ifname=0123456789abcdef", "'ifname=0123456789abcdef'", "1 to 15 bytes" },
		{ "tap,ifname=a/b", "'ifname=a/b'", "without spaces" },
		{ "tap,ifname=tap%d", "'ifname=tap%d'", "'%'" },
		{ "tap,br=br0", "'br=br0'", "ifname" },
		{ "tap,ifname=a,ifname=b", "'ifname' is given twice", "leave one out" },
		{ "tap,fd=2", "'fd=2'", "from 3 on" },
		{ "tap,fd=x", "'fd=x'", "from 3 on" },
		{ "tap,fd=5,fd=5", "'fd=5' is given twice", "leave one out" },
		{ "tap,fd=5,ifname=tap0", "fd and ifname", "leave one out" },
		{ "tap,fd=5,queues=2", "queues=2 with 1 descriptors", "one for each" },
		{ "tap,queues=0", "'queues=0'", "1 to 8" },
		{ "tap,vhost=yes", "'vhost=yes'", "auto, on or off" },
		{ "bridge,br=br0,vhost=", "'vhost='", "auto, on or off" },
		{ "user,vhost=on", "'vhost=on'", "no 'vhost'" },
		{ "tap,queues=9", "'queues=9'", "1 to 8" },
		{ "tap,mtu=67", "'mtu=67'", "68 to 65535" },
		{ "tap,mtu=65536", "'mtu=65536'", "68 to 65535" },
		{ "tap,mac=52:54:00:12:34", "'mac=52:54:00:12:34'", "six bytes" },
		{ "tap,mac=52:54:00:12:34:5g", "'mac=52:54:00:12:34:5g'", "six bytes" },
		{ "tap,mac=52-54-00-12-34-56", "'mac=52-54-00-12-34-56'", "six bytes" },
		{ "tap,mac=01:00:5e:00:00:01", "a group's address", "even" },
		{ "tap,mac=00:00:00:00:00:00", "nobody's address", "another one" },
		{ "tap,id=9lives", "'id=9lives'", "a letter" },
		{ "tap,transport=isa", "'transport=isa'", "pci or mmio" },
		{ "bridge", "no bridge", "br=br0" },
		{ "bridge,br=", "'br='", "1 to 15 bytes" },
		{ "bridge,bridge=br0", "'bridge=br0'", "'br'" },
		{ "user,ifname=tap0", "'ifname=tap0'", "hostfwd" },
		{ "user,hostfwd=", "'hostfwd=' is empty", "give a value" },
		{ "user,hostfw=tcp::1-:2", "'hostfw=tcp::1-:2'", "'hostfwd'" },
		{ "user,restrict=yes", "'restrict=yes'", "on or off" },
		{ "user,ipv4=off,ipv6=off", "neither ipv4 nor ipv6", "leave one of them on" },
		{ "user,queues=2", "'queues=2'", "hostfwd" },
		{ "socket", "no path", "path=/run" },
		{ "socket,path=", "'path=' is empty", "give a value" },
		{ "socket,path=a,listen=1", "'listen=1'", "on or off" },
		{ "passt,listen", "'listen'", "path" },
		{ "none,path=a", "'path=a'", "mac" },
		{ "none,kind=tap", "'kind=tap'", "id, mac" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_config config;
		struct iol_error err = { 0 };

		iol_config_init(&config);
		if (iol_config_add_net(&config, cases[i].text, &err) != -EINVAL)
			g_error("'%s' is not refused", cases[i].text);
		if (!strstr(err.msg, cases[i].where) || !strstr(err.msg, cases[i].remedy) ||
		    strchr(err.msg, '\n'))
			g_error("'%s': '%s' does not tell '%s' and '%s'", cases[i].text, err.msg,
				cases[i].where, cases[i].remedy);
		g_assert_cmpuint(config.net_count, ==, 0);
		iol_config_finish(&config);
	}
}

static void test_beside_others(void)
{
	static const struct {
		const char *first, *second, *text;
	} cases[] = {
		{ "none,id=a", "none,id=a", "the id 'a' is taken" },
		{ "none", "none,id=net0", "the id 'net0' is taken" },
		{ "tap,ifname=t", "bridge,br=b,ifname=t", "the interface t is that of net0" },
		{ "tap,fd=7,fd=8", "tap,fd=9,fd=8", "the descriptor 8 is that of net0" },
		{ "none,mac=02:00:00:00:00:0A", "none,mac=02:00:00:00:00:0a",
		  "the MAC address 02:00:00:00:00:0a is that of net0 already" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_config config;
		struct iol_error err = { 0 };

		iol_config_init(&config);
		add(&config, cases[i].first);
		if (iol_config_add_net(&config, cases[i].second, &err) != -EINVAL)
			g_error("'%s' beside '%s' is not refused", cases[i].second, cases[i].first);
		if (!strstr(err.msg, cases[i].text))
			g_error("'%s' does not tell '%s'", err.msg, cases[i].text);
		g_assert_cmpuint(config.net_count, ==, 1);
		iol_config_finish(&config);
	}
}

static void test_too_many(void)
{
	struct iol_config config;
	struct iol_error err = { 0 };
	GString *text = g_string_new("user");

	iol_config_init(&config);
	for (unsigned int i = 0; i < IOL_CONFIG_NETS_MAX; i++)
		add(&config, "none");
	g_assert_cmpint(iol_config_add_net(&config, "none", &err), ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, "up to 8"));
	iol_config_finish(&config);

	iol_config_init(&config);
	for (unsigned int i = 0; i < IOL_CONFIG_NET_FORWARDS_MAX; i++)
		g_string_append_printf(text, ",hostfwd=tcp::%u-:22", 1000 + i);
	add(&config, text->str);
	g_assert_null(config.nets[0].forwards[IOL_CONFIG_NET_FORWARDS_MAX]);
	g_string_append(text, ",hostfwd=tcp::1-:1");
	g_assert_cmpint(iol_config_add_net(&config, text->str, &err), ==, -EINVAL);
	g_assert_nonnull(strstr(err.msg, "up to 64"));
	iol_config_finish(&config);
	g_string_free(text, TRUE);
}

/* The addresses of two cards of a machine of this name and this disk. */
static void macs_of(const char *name, const char *disk, uint8_t macs[2][IOL_CONFIG_MAC_BYTES])
{
	struct iol_config config;
	struct iol_error err;

	iol_config_init(&config);
	if (name)
		g_assert_cmpint(iol_config_set_name(&config, name, &err), ==, 0);
	if (disk)
		g_assert_cmpint(iol_config_add_disk(&config, disk, &err), ==, 0);
	add(&config, "none");
	add(&config, "none");
	iol_config_complete(&config);
	for (unsigned int i = 0; i < 2; i++) {
		g_assert_true(config.nets[i].has_mac);
		g_assert_cmpuint(config.nets[i].queues, ==, 1);
		memcpy(macs[i], config.nets[i].mac, IOL_CONFIG_MAC_BYTES);
	}
	iol_config_finish(&config);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, IOL_CONFIG_MAC_BYTES);
}

static void test_stable_macs(void)
{
	uint8_t web[2][IOL_CONFIG_MAC_BYTES], again[2][IOL_CONFIG_MAC_BYTES],
		mail[2][IOL_CONFIG_MAC_BYTES], disk[2][IOL_CONFIG_MAC_BYTES];
	struct iol_config config;

	macs_of("web", NULL, web);
	macs_of("web", "other.img", again);
	macs_of("mail", NULL, mail);
	macs_of(NULL, "other.img", disk);
	for (unsigned int i = 0; i < 2; i++) {
		g_assert_true(same(web[i], again[i]));
		g_assert_false(same(web[i], mail[i]));
		g_assert_false(same(web[i], disk[i]));
		g_assert_cmpmem(web[i], 3, "\x52\x54\x00", 3);
	}
	g_assert_false(same(web[0], web[1]));

	/* One that somebody chose is taken. */
	iol_config_init(&config);
	g_assert_cmpint(iol_config_set_name(&config, "web", NULL), ==, 0);
	add(&config, "none");
	{
		g_autofree char *text = g_strdup_printf("none,mac=52:54:00:%02x:%02x:%02x",
							web[0][3], web[0][4], web[0][5]);
		add(&config, text);
	}
	iol_config_complete(&config);
	g_assert_false(same(config.nets[0].mac, config.nets[1].mac));
	iol_config_finish(&config);
}

static void load(const char *text, const char *refused)
{
	struct iol_config config;
	struct iol_error err = { 0 };
	int ret;

	iol_config_init(&config);
	ret = iol_config_load_text(&config, text, strlen(text), "c.json", "/srv", &err);
	if (refused && (!ret || !strstr(err.msg, refused)))
		g_error("%s: '%s' does not tell '%s'", text, ret ? err.msg : "", refused);
	if (!refused && ret)
		g_error("%s: %s", text, err.msg);
	if (!refused) {
		g_assert_cmpuint(config.net_count, ==, 3);
		g_assert_cmpstr(config.nets[0].forwards[1], ==, "udp::9-:9");
		g_assert_true(config.nets[0].restricted);
		g_assert_cmpint(config.nets[1].fds[1], ==, 8);
		g_assert_cmpint(config.nets[1].vhost, ==, IOL_NET_VHOST_ON);
		g_assert_cmpstr(config.nets[2].path, ==, "/srv/net.sock");
		g_assert_true(config.rng);
	}
	iol_config_finish(&config);
}

static void test_json(void)
{
	load("{\"nets\": [{\"hostfwd\": [\"tcp::1-:2\", \"udp::9-:9\"], \"kind\": \"user\","
	     " \"restrict\": true},"
	     " {\"kind\": \"tap\", \"fd\": [7, 8], \"queues\": 2, \"vhost\": \"on\"},"
	     " {\"kind\": \"socket\", \"path\": \"net.sock\", \"listen\": true}], \"rng\": true}",
	     NULL);
	load("{\"nets\": {\"kind\": \"tap\"}}", "nets: ");
	load("{\"nets\": [\"tap\"]}", "{\"kind\": \"user\"}");
	load("{\"nets\": [{\"ifname\": \"tap0\"}]}", "nets[0]: no kind");
	load("{\"nets\": [{\"kind\": 5}]}", "nets[0].kind");
	load("{\"nets\": [{\"kind\": \"tab\"}]}", "nets[0].kind: 'tab' is no kind");
	load("{\"nets\": [{\"kind\": \"tap\", \"br\": \"b\"}]}", "nets[0]: there is no 'br'");
	load("{\"nets\": [{\"kind\": \"user\", \"hostfwd\": \"tcp::1-:2\"}]}", "nets[0].hostfwd");
	load("{\"nets\": [{\"kind\": \"user\", \"hostfwd\": [\"\"]}]}", "nets[0].hostfwd[0]");
	load("{\"nets\": [{\"kind\": \"user\", \"mtu\": 5}]}", "nets[0].mtu");
	load("{\"nets\": [{\"kind\": \"bridge\"}]}", "nets[0]: 'bridge': no bridge");
	load("{\"nets\": [{\"kind\": \"tap\", \"vhost\": \"maybe\"}]}", "nets[0].vhost");
	load("{\"nets\": [{\"kind\": \"tap\", \"vhost\": true}]}", "nets[0].vhost");
	load("{\"rng\": 1}", "rng");
}

/* A file has many paths, and one address. */
static void test_macs_of_a_path(void)
{
	static const char *const others[] = { "vm/other.img", "vm/link", "other/a.img", "a.img" };
	char folder[] = "/tmp/iolite-config-XXXXXX";
	g_autofree char *before = g_get_current_dir();
	g_autofree char *full = g_strdup_printf("%s/vm/a.img", g_mkdtemp(folder));
	const char *const paths[] = { "./vm/a.img",        "vm//a.img",     "vm/./a.img",
				      "other/../vm/a.img", "here/vm/a.img", full };
	uint8_t want[2][IOL_CONFIG_MAC_BYTES], got[2][IOL_CONFIG_MAC_BYTES];

	g_assert_cmpint(g_chdir(folder), ==, 0);
	g_assert_cmpint(g_mkdir("vm", 0700) | g_mkdir("other", 0700), ==, 0);
	g_assert_cmpint(symlink(".", "here") | symlink("a.img", "vm/link"), ==, 0);
	macs_of(NULL, "vm/a.img", want);
	for (size_t i = 0; i < IOL_ARRAY_LEN(paths); i++) {
		g_test_message("%s", paths[i]);
		macs_of(NULL, paths[i], got);
		g_assert_true(same(want[0], got[0]) && same(want[1], got[1]));
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(others); i++) {
		g_test_message("%s", others[i]);
		macs_of(NULL, others[i], got);
		g_assert_false(same(want[0], got[0]));
	}
	/* Without such a folder the text is all that there is. */
	macs_of(NULL, "nowhere/a.img", want);
	macs_of(NULL, "nowhere/a.img", got);
	g_assert_true(same(want[0], got[0]));
	g_assert_cmpint(g_unlink("here") | g_unlink("vm/link"), ==, 0);
	g_assert_cmpint(g_rmdir("vm") | g_rmdir("other"), ==, 0);
	g_assert_cmpint(g_chdir(before), ==, 0);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config-net/defaults", test_defaults);
	g_test_add_func("/config-net/all-keys", test_all_keys);
	g_test_add_func("/config-net/refused", test_refused);
	g_test_add_func("/config-net/beside-others", test_beside_others);
	g_test_add_func("/config-net/too-many", test_too_many);
	g_test_add_func("/config-net/stable-macs", test_stable_macs);
	g_test_add_func("/config-net/macs-of-a-path", test_macs_of_a_path);
	g_test_add_func("/config-net/json", test_json);
	return g_test_run();
}
