"""Chapter 7, the drill: teams play the same night in rounds; the game, its log, the floor and the scripted plays."""
