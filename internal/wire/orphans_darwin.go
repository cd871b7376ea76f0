package wire

// adopt cannot be done here: processes that leave their plugin's group are not found.
func (s *spawner) adopt() error { return nil }

func (s *spawner) sweep(int, string) []int { return nil }

func reapOrphans() {}
