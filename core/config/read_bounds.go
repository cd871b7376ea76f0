package config

// exampleMemory is what findings show.
const exampleMemory = 8 << 30

// memory is a bound on the memory of a plugin's process, in bytes; 0 when the key is absent.
func (b *block) memory(key string) int64 {
	if b.absent(key) {
		return 0
	}
	return b.size(key, exampleMemory, MinPluginMemory, MaxPluginMemory, "leave the key out for no bound")
}

// MemoryOf is the bound on a process's memory, in bytes: that of its own block, else of its plugin's block, else the server's.
// 0: there is none.
func (c *Config) MemoryOf(own int64, plugin string) int64 {
	if own > 0 {
		return own
	}
	if p := c.Plugin(plugin); p != nil && p.MaxMemory > 0 {
		return p.MaxMemory
	}
	return c.Server.MaxPluginMemory
}
