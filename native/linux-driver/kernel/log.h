/* What the driver says. Each line is told: "once" and "ratelimited" leave nothing out here. A WARN is counted. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H
void log_line_(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void warn_(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define FW_BUG "[Firmware Bug]: "
#ifndef pr_fmt
#define pr_fmt(format) format
#endif
#define pr_err(format, ...) log_line_(3, pr_fmt(format), ##__VA_ARGS__)
#define pr_warn(format, ...) log_line_(4, pr_fmt(format), ##__VA_ARGS__)
#define pr_info(format, ...) log_line_(6, pr_fmt(format), ##__VA_ARGS__)
#define pr_debug(format, ...) log_line_(7, pr_fmt(format), ##__VA_ARGS__)
#define pr_err_once pr_err
#define pr_warn_once pr_warn
#define pr_err_ratelimited pr_err
#define pr_warn_ratelimited pr_warn
#define WARN(condition, format, ...)                                                           \
	({                                                                                     \
		bool warned_ = !!(condition);                                                  \
		if (warned_)                                                                   \
			warn_(__FILE__, __LINE__, format, ##__VA_ARGS__);                      \
		warned_;                                                                       \
	})
/* As from the kernel's, nobody returns from it. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
const char *name_in_path_(const char *path);
#define BUG() fail("kernel BUG at %s:%d!", name_in_path_(__FILE__), __LINE__)
#define BUG_ON(condition)                                                                      \
	do {                                                                                   \
		if (condition)                                                                 \
			BUG();                                                                 \
	} while (0)
#define WARN_ONCE WARN
#define WARN_ON(condition) WARN(condition, "%s", #condition)
#define WARN_ON_ONCE(condition) WARN(condition, "%s", #condition)
#endif
